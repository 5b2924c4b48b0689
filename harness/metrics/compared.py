"""What a comparison of two parts of a package found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Compared:
    """What was looked at, and what differs, one sentence each.

    `doubts` differ too, but may be right in a way that is not known here; `unknown` says what could
    not be compared.
    """

    looked_at: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def absence(self) -> str:
        """Why nothing can be concluded, empty where it can."""
        if self.differences or (self.looked_at and not self.doubts):
            return ""
        return "; ".join((*self.doubts, *self.unknown)) or "there was nothing to compare"
