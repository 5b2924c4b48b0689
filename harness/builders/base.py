"""The builders' protocol: from recipes to variants."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from harness.errors import HarnessError
from harness.variant import Recipe, Variant

Progress = Callable[[str, str], None]
"""Called with a variant's name and what is being done with it, as one word or two."""

Built = Mapping[str, Variant | HarnessError]
"""By variant name: the variant, or why there is none (not raised: one must not stop another)."""


class Builder(Protocol):
    """Makes the variants of one release, all in one go."""

    def build(self, recipes: Sequence[Recipe], source: Path | None, progress: Progress) -> Built:
        """Build or adopt every recipe.

        `source` is the Hugging Face checkpoint directory. A recipe that cannot be built is an
        error in the result; what concerns all of them (no torch, no disk space) is the same error
        for each.
        """
        ...
