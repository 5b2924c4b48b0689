"""Finds the way up: the prompt lengths that each variant of a session is asked, and the prompts."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.metrics.scaling import ladder
from harness.policy import Plan
from harness.probes.folder import read_folder, read_length_limits

NEW_TOKENS = 8
"""Tokens generated after each prompt that is timed."""

_SPARE_TOKENS = 100  # that a text has more than the longest prompt, to begin elsewhere


@dataclass(frozen=True, slots=True)
class Route:
    """Who is asked what.

    `rungs` holds by variant its prompt lengths in tokens, ascending: empty for one whose context is
    too short, the reference's are all there are. `texts` are token ids, some more than the longest
    rung has. `remark` says where the plan ends the way before the context does.
    """

    reference: str
    rungs: Mapping[str, tuple[int, ...]]
    texts: tuple[tuple[int, ...], ...] = ()
    repetitions: int = 1
    remark: str = ""

    def names(self, length: int) -> list[str]:
        """Who is asked prompts of that length."""
        return [name for name, rungs in self.rungs.items() if length in rungs]


def find_route(
    directories: Mapping[str, Path],
    reference: str,
    plan: Plan,
    source: Path | None,
    write: Callable[[int, int], tuple[int, ...]],
) -> Route:
    """The route of these variants, by their folders; the reference is one of them.

    `source` is the checkpoint that they were made from. `write` gives a text by its number and its
    length in tokens.
    """
    contexts = {name: stated_context(directory) for name, directory in directories.items()}
    limits = frozenset[int]().union(
        *(read_length_limits(directory, source) for directory in directories.values())
    )
    rungs = ladders(contexts, reference, limits, plan.scaling_longest_tokens)
    longest = rungs[reference][-1] if rungs[reference] else 0
    texts = range(plan.scaling_texts if longest else 0)
    return Route(
        reference,
        rungs,
        tuple(write(number, longest + _SPARE_TOKENS) for number in texts),
        plan.scaling_repetitions,
        _remark(plan.scaling_longest_tokens, contexts[reference]),
    )


def ladders(
    contexts: Mapping[str, int], reference: str, limits: Collection[int], most: int
) -> dict[str, tuple[int, ...]]:
    """The prompt lengths of each variant, as far as its context and the reference's hold.

    The reference's are everybody's. `most` caps the longest one unless it is 0.
    """
    longest = {
        name: min(context, contexts[reference]) - NEW_TOKENS for name, context in contexts.items()
    }
    rungs = {name: ladder(min(it, most or it), limits) for name, it in longest.items()}
    everybody = {length for lengths in rungs.values() for length in lengths}
    return {**rungs, reference: tuple(sorted(everybody))}


def stated_context(directory: Path) -> int:
    """The context length that a folder states; 0 where it states none."""
    stated = read_folder(directory).model.get("context_length", 0)
    return stated if isinstance(stated, int) else 0


def _remark(most: int, context: int) -> str:
    if not 0 < most < context - NEW_TOKENS:
        return ""
    return (
        f"Prompts were measured up to {most:,} tokens, where the policy's plan ends the ladder "
        f"(scaling_longest_tokens); the context holds {context:,}"
    )
