"""Times as people write and read them."""

import re

from harness.errors import ConfigError

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_WRITTEN = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")


def seconds_of(text: str) -> float:
    """Seconds of a time such as 90s, 30m, 6h or 1h 30m; raises ConfigError."""
    found = _WRITTEN.findall(text)
    total = sum(float(number) * _UNITS[unit] for number, unit in found)
    if _WRITTEN.sub("", text).strip() or not total:
        raise ConfigError(f"a budget is a time such as 90s, 30m or 6h: found {text!r}")
    return total


def duration(seconds: float) -> str:
    """Seconds, minutes or hours, to two or three digits."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 100 * 60:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
