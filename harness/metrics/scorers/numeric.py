"""Finds the number in an answer and compares it with the expected one.

A comma or blank before each three digits is read as a thousands separator ("12,500", "1 000"), and
so is a point where there are several or a decimal comma follows ("1.234.567", "1.234,5"). Any other
single comma or point begins the decimals. What has more of them ("12.5.2024", "1.2.3") or touches a
letter before it ("B12") is no number.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.reply import Reply

_GROUPED = (
    "(?P<grouped>[1-9]\\d{0,2}(?P<mark>[,'’ \u00a0\u2009\u202f])\\d{3}(?:(?P=mark)\\d{3})*)"
    r"(?:(?!(?P=mark))[.,](?P<decimals>\d+))?"
)
_POINTED = r"(?P<pointed>[1-9]\d{0,2}(?:(?:[.]\d{3})+,\d+|(?:[.]\d{3}){2,}))"
_NUMBER = re.compile(
    r"(?:(?<!\w)(?P<sign>[+\-−]))?(?:(?P<currency>[$€£¥₹₩₽₺]) ?)?(?<!\w)(?<!\d[.,])"
    rf"(?:{_GROUPED}|{_POINTED}|(?P<plain>\d+(?:[.,]\d+)?|[.]\d+))(?![.,]?\d)"
    r"(?:[eE](?P<exponent>[+\-]?\d{1,3})(?!\w))?"
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in a text, the currency sign before it, and all that follows it."""

    value: Decimal
    currency: str
    rest: str

    def has(self, unit: str) -> bool:
        """Whether the unit stands at the number; an empty one always does."""
        rest = self.rest.lstrip().casefold()
        cut = unit[-1:].isalnum() and rest[len(unit) : len(unit) + 1].isalnum()
        return self.currency == unit or (rest.startswith(unit) and not cut)


def quantities(text: str) -> list[Quantity]:
    """Every number in a text, in its order."""
    return [
        Quantity(_value(found), found["currency"] or "", text[found.end() :])
        for found in _NUMBER.finditer(text)
    ]


def numeric(item: Item, reply: Reply) -> Grade:
    """The last number in the answer is the expected one, within the tolerance.

    Where the expected one has a unit, the last with that unit. An answer without any number is not
    valid.
    """
    [expected] = quantities(item.expected)
    found = quantities(reply.answer.text)
    unit = expected.currency or expected.rest.strip(" .").casefold()
    fitting = [it.value for it in found if it.has(unit)]
    is_right = bool(fitting) and abs(fitting[-1] - expected.value) <= _allowed(item, expected.value)
    return Grade(float(is_right), is_valid=bool(found))


def require_number(item: Item) -> None:
    """Refuse an expected text that is not one number with a unit, if any, after it."""
    found = quantities(item.expected)
    if len(found) != 1 or _NUMBER.match(item.expected.strip()) is None:
        raise ConfigError(
            "expected must be one number, with a unit after it if it has one: "
            f"found {item.expected!r}"
        )


def _allowed(item: Item, expected: Decimal) -> Decimal:
    relative = Decimal(str(item.relative_tolerance)) * abs(expected)
    return max(Decimal(str(item.tolerance)), relative)


def _value(found: re.Match[str]) -> Decimal:
    if found["grouped"]:
        digits = found["grouped"].replace(found["mark"], "") + f".{found['decimals'] or 0}"
    elif found["pointed"]:
        digits = found["pointed"].replace(".", "").replace(",", ".")
    else:
        digits = found["plain"].replace(",", ".")
    minus = "-" if found["sign"] in ("-", "−") else ""
    return Decimal(f"{minus}{digits}E{found['exponent'] or 0}")
