"""The dialects that are known, and which of them a row is written in."""

from harness.asking import Format
from harness.banks.arc import ARC, OPENBOOKQA
from harness.banks.boolq import BOOLQ
from harness.banks.dialect import Dialect, Fields
from harness.banks.gsm8k import GSM8K
from harness.banks.hellaswag import HELLASWAG
from harness.banks.lambada import LAMBADA
from harness.banks.piqa import PIQA
from harness.errors import ConfigError

DIALECTS = (ARC, OPENBOOKQA, BOOLQ, HELLASWAG, PIQA, LAMBADA, GSM8K)
_STATED = (LAMBADA,)  # any text could be one, so that it must be said
_OF_THE_GATE = ("prompt", "messages", "expected", "scorer")
_GATE_NEEDS = "prompt (or messages) and expected"


def recognize(row: Fields) -> Dialect | None:
    """The dialect whose fields a row has; None for the gate's own, for one that must be stated, and
    for none that is known.
    """
    if any(key in row for key in _OF_THE_GATE):
        return None
    return next((it for it in DIALECTS if it not in _STATED and it.fits(row)), None)


def dialect_of(row: Fields, place: str, stated: Format | None = None) -> Dialect | None:
    """The dialect that is stated, or else that of a row; None for the gate's own.

    Raises ConfigError of one line for a row that is written in none, or not in what is stated.
    """
    if stated is Format.GATE:
        return None
    if stated is not None:
        dialect = next(it for it in DIALECTS if it.format is stated)
        require_fit(dialect, row, place)
        return dialect
    found = recognize(row)
    if found is None and not any(key in row for key in _OF_THE_GATE):
        known = "; ".join(f"{it.format} ({it.needs})" for it in DIALECTS)
        raise ConfigError(
            f"{place} has the fields of no format that is known, {Format.GATE} ({_GATE_NEEDS}); "
            f"{known}: found {_listed(row)}"
        )
    return found


def require_fit(dialect: Dialect, row: Fields, place: str) -> None:
    """Refuse a row that has not the fields of a dialect."""
    if not dialect.fits(row):
        raise ConfigError(
            f"{place} is not of the format {dialect.format}, which needs {dialect.needs}: "
            f"found {_listed(row)}"
        )


def _listed(row: Fields) -> str:
    return ", ".join(row) or "no field"
