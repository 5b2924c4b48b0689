"""The comparison of a release's variants as sentences and as a table."""

from harness.comparison import Comparison, Contender, Dominated, Excess
from harness.finding import Finding, quantity
from harness.release import Role

HEADERS = (
    "variant",
    "verdict",
    "size",
    "of the reference",
    "commonly claimed",
    "load",
    "TTFT",
    "ITL",
    "peak",
    "accuracy",
    "KLD",
    "flips",
    "dominated by",
)
_FIGURES = ("latency.load", "latency.ttft", "latency.itl", "memory.peak")
_QUALITY = ("accuracy.gain", "precision.kld")
_OF_THE_REFERENCE = {  # its own, where the others have what they are beside it
    "latency.load": "latency.cold_load_time",
    "latency.ttft": "latency.ttft_time",
    "latency.itl": "latency.itl_p50_time",
    "accuracy.gain": "accuracy.share",
}
_SAID = {
    "size": "{:.3g} times larger",
    "time between tokens": "{:.3g} times slower between tokens",
    "time to first token": "{:.3g} times slower to the first token",
    "peak memory": "{:.3g} times hungrier for memory",
    "lost points of accuracy": "{:.3g} points less accurate",
    "divergence": "{:.3g} nats/token farther from the reference",
}


def sentences(it: Comparison) -> list[str]:
    """Which variants are needless and why, and which to take; none with a single candidate."""
    if sum(one.role is Role.CANDIDATE for one in it.contenders) < 2:
        return []
    return [*(f"dominated: {_why(told)}" for told in it.dominated), advice(it)]


def advice(it: Comparison) -> str:
    """The smallest variant that passes, or that none does."""
    undecided = ", ".join(it.undecided)
    if not it.recommended:
        doubt = f"; undecided: {undecided}" if undecided else ""
        return f"recommended: none, for no candidate passes{doubt}"
    best = next(one for one in it.contenders if one.name == it.recommended)
    doubt = f"; smaller and undecided: {undecided}" if undecided else ""
    return f"recommended: {best.name}, the smallest that passes ({_size(best)}){doubt}"


def _why(told: Dominated) -> str:
    more = f", nor than {', '.join(told.others)}" if told.others else ""
    excesses = _joined([_excess(one) for one in told.excesses])
    return f"{told.name} is {excesses} than {told.by}, and better in nothing that matters{more}"


def _excess(it: Excess) -> str:
    return _SAID[it.axis.name].format(it.amount)


def _joined(parts: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def rows(it: Comparison) -> list[list[str]]:
    """One row a variant, in the release's order; a variant that is not there has its reason."""
    by = {told.name: told.by for told in it.dominated}
    return [_row(one, it, by.get(one.name, "")) for one in it.contenders]


def _row(it: Contender, comparison: Comparison, dominated_by: str) -> list[str]:
    ratio = comparison.size_ratio(it)
    claimed = comparison.claimed_ratio(it)
    return [
        it.name,
        it.decision,
        _size(it),
        "-" if ratio is None else f"{ratio:.3g} x",
        "-" if claimed is None else f"{claimed:g} x",
        *(_figure(it, rule) for rule in (*_FIGURES, *_QUALITY)),
        _flips(it),
        dominated_by or "-",
    ]


def _flips(it: Contender) -> str:
    """Items that became wrong, and that became right; of the reference there are none."""
    is_asked = it.known("accuracy.gain") is not None
    return f"-{it.lost} +{it.won}" if is_asked and it.role is not Role.REFERENCE else "-"


def _size(it: Contender) -> str:
    return f"{it.size_bytes / 2**20:.2f} MiB" if it.size_bytes else "-"


def _figure(it: Contender, rule: str) -> str:
    own = _OF_THE_REFERENCE.get(rule, "") if it.role is Role.REFERENCE else rule
    found: Finding | None = it.known(own)
    if found is None or found.measured is None:
        return "-"
    return quantity(found.measured, found.unit)


def absent(it: Comparison) -> list[str]:
    """Why there are no figures of a variant, a sentence for each."""
    return [one.problem for one in it.contenders if one.problem]
