"""What the variants of a session expect over the same passages, which the reference reads once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from harness.bench import Bench
from harness.control import add_control
from harness.errors import InfrastructureError, ModelError
from harness.forcing import WINDOW_TOKENS, Passage, Readers, Reading, own_and_expected, windows
from harness.item import Item
from harness.metrics.packaging import as_ids
from harness.probes.folder import read_folder
from harness.reply import Reply
from harness.shared_vocabulary import vocabulary_differences
from harness.together import or_error

_LEAST_AT_ONCE = 3  # the reference, a variant and its control


@dataclass(frozen=True, slots=True)
class Readings:
    """Of one variant; `vocabulary` says by part how far its tokens are not the reference's, and
    where any is not, nothing was read.

    `own` are the comparisons with the reference over its own answers, by label, of the variant and
    of its control where there is one; `texts` those over expected answers, or else its own, and
    over text of the domain. `no_control` says why there is none. `non_finite` are the variant's
    positions without finite logits, passage by passage.
    """

    vocabulary: dict[str, int]
    own: tuple[Reading, ...] = ()
    texts: tuple[Reading, ...] = ()
    no_control: str = ""
    non_finite: tuple[int, ...] = ()

    @property
    def is_comparable(self) -> bool:
        """Whether it has the reference's tokens."""
        return not any(self.vocabulary.values())


def read_all(bench: Bench, names: Sequence[str]) -> dict[str, Readings | Exception]:
    """Of each variant, or what kept it from being read; those with one context read together.

    Where the reference was kept from it the bench's own variant has its error, and the others
    nothing: their checks ask again.
    """
    begun = {name: or_error(partial(_begun, bench, name)) for name in names}
    found: dict[str, Readings | Exception] = {}
    alike: dict[int, dict[str, Readings]] = {}
    for name, one in begun.items():
        if isinstance(one, Exception):
            if name == bench.variant.name or not _is_of(one, bench.reference):
                found[name] = one
        elif one[0].is_comparable:
            alike.setdefault(one[1], {})[name] = one[0]
        else:
            found[name] = one[0]
    for size, some in alike.items():
        read = or_error(partial(_read, bench, some, size))
        if not isinstance(read, Exception):
            found |= read
        elif bench.variant.name in some:
            found[bench.variant.name] = read
    return found


def _is_of(error: Exception, name: str) -> bool:
    return isinstance(error, ModelError) and error.variant == name


def _begun(bench: Bench, name: str) -> tuple[Readings, int]:
    """Whether it can be compared, and how long its windows of text may be."""
    found = Readings(vocabulary_differences(bench.fleet, name, bench.reference))
    return found, _window_tokens(bench, name) if found.is_comparable else 0


def _window_tokens(bench: Bench, name: str) -> int:
    """How long windows of text may be; 0 where there is no text."""
    if not bench.text:
        return 0
    context = int(read_folder(bench.fleet.variant(name).directory).model["context_length"])
    return min(WINDOW_TOKENS, context)


def asked(bench: Bench) -> tuple[Sequence[Item], Sequence[Reply]]:
    """The items whose answers are read, and the reference's replies to them."""
    count = bench.plan.precision_items
    return bench.items[:count], bench.reference_replies(count)


def _read(
    bench: Bench, begun: Mapping[str, Readings], window_tokens: int
) -> dict[str, Readings | Exception]:
    fleet, reference = bench.fleet, bench.reference
    made = {name: or_error(partial(_control, bench, name)) for name in begun}
    controls = {name: it for name, it in made.items() if not isinstance(it, Exception)}
    names = [*controls, *(control for control, _ in controls.values() if control)]
    readers = Readers(fleet, names, reference, max(_LEAST_AT_ONCE, bench.together_at_once))
    try:
        pairs = own_and_expected(fleet, reference, *asked(bench))
        own = readers.read([mine for mine, _ in pairs])
        expected = readers.read([it for mine, it in pairs if it is not mine])
        parts = readers.read(_windows(bench, window_tokens))
    finally:
        for name in names:  # idle they take memory; and who has given logits has lost its cap
            if name != reference:
                fleet.end(name)
    found: dict[str, Readings | Exception] = {
        name: it for name, it in made.items() if isinstance(it, Exception)
    }
    for name, (control, why) in controls.items():
        both = (name, control) if control else (name,)
        error = next((readers.errors[it] for it in both if it in readers.errors), None)
        found[name] = error or replace(
            begun[name],
            own=tuple(own[it] for it in both),
            texts=tuple(parts[it] or {**own[it], **expected[it]} for it in both),
            no_control=why,
            non_finite=tuple(
                it.non_finite for of in (own, expected, parts) for it in of[name].values()
            ),
        )
    return found


def _control(bench: Bench, name: str) -> tuple[str, str]:
    """The name of a candidate's control, or why there is none."""
    if name == bench.reference:
        return "", "the reference is what controls are made of"
    try:
        return add_control(bench.fleet, name, bench.reference, bench.cache), ""
    except InfrastructureError as error:
        return "", str(error)


def _windows(bench: Bench, window_tokens: int) -> list[Passage]:
    """Of the text that the release names, if it does."""
    if not bench.text:
        return []
    [tokens] = bench.fleet.encode(bench.reference, [bench.text])
    folder = read_folder(bench.fleet.variant(bench.reference).directory)
    starts = as_ids(folder.model.get("bos_token_id"))
    [prompt] = bench.fleet.render(bench.reference, [bench.items[0].messages])
    begins = tuple(bench.fleet.encode(bench.reference, [prompt])[0][:1])
    first = begins if begins == starts else ()  # where prompts begin so, texts do
    return windows(tuple(tokens), bench.plan.precision_windows, window_tokens, first)
