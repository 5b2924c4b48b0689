"""Teacher forcing: variants read the same passages, and we see what each expects to come."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass

from harness.answer import Finish, Request
from harness.base_model import joined
from harness.errors import InfrastructureError
from harness.exam import refusal, require_answers
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.metrics.divergence import Comparison, Logits, compare
from harness.reply import Reply
from harness.together import abortable_pool, or_error

Tokens = tuple[int, ...]

SHOWN = (
    Scorer.EXACT,
    Scorer.NORMALIZED,
    Scorer.CHOICE,
    Scorer.JSON,
    Scorer.JSON_FIELDS,
    Scorer.ROUGE_L,
    Scorer.CHRF,
)
"""Scorers whose items expect what an answer could be, not a pattern or a part of it."""

WINDOW_TOKENS = 512


@dataclass(frozen=True, slots=True)
class Passage:
    """Tokens to read, scored from the one at `score_from` on; `label` says what they are of.

    With `ends` what is expected after the last is scored too: an answer is to end there.
    `is_said` says whether the scored tokens are what a variant answered by itself.
    """

    label: str
    token_ids: Tokens
    score_from: int
    ends: bool = False
    is_said: bool = True

    @property
    def scored(self) -> Tokens:
        """The tokens that are scored."""
        return self.token_ids[self.score_from :]

    @property
    def request(self) -> Request:
        """One prefill; what is expected after the last token does not see the one put there."""
        token_ids = self.token_ids + self.token_ids[-1:] * self.ends
        return Request(token_ids=token_ids, score_from=self.score_from, fresh=False)

    @property
    def positions(self) -> int:
        """How many are scored."""
        return len(self.scored) + self.ends


def own_and_expected(
    fleet: Fleet, name: str, items: Sequence[Item], replies: Sequence[Reply]
) -> list[tuple[Passage, Passage]]:
    """For each item a variant's own answer after the prompt, and the expected one.

    Where the item expects no text but a pattern or a part of one, its own answer stands for it.
    Where nothing was generated, the expected choice stands for its own.
    """
    prompts = _prompts(fleet, name, items, replies)
    texts = fleet.encode(name, [_expected(fleet, item) for item in items])
    return [
        _pair(item, reply, prompt, tuple(text))
        for item, reply, prompt, text in zip(items, replies, prompts, texts, strict=True)
    ]


def _expected(fleet: Fleet, item: Item) -> str:
    """The expected answer as it stands after the prompt."""
    if fleet.is_chat or item.scorer is not Scorer.CHOICE:
        return item.expected
    prompt = item.messages[-1][1]
    return joined(prompt, item.expected)[len(prompt) :]


def _pair(item: Item, reply: Reply, prompt: Tokens, expected: Tokens) -> tuple[Passage, Passage]:
    answer = reply.answer
    is_generated = bool(answer.prompt_ids)
    own = answer.token_ids if is_generated else expected
    ends = is_generated and answer.finish == Finish.STOP
    mine = Passage(item.id, prompt + own, len(prompt), ends, is_generated)
    if own == expected or item.scorer not in SHOWN:
        return mine, mine
    return mine, Passage(item.id, prompt + expected, len(prompt), is_generated, is_said=False)


def _prompts(
    fleet: Fleet, name: str, items: Sequence[Item], replies: Sequence[Reply]
) -> list[Tokens]:
    """Of each item, encoded here where nothing was generated."""
    silent = [
        item.messages
        for item, reply in zip(items, replies, strict=True)
        if not reply.answer.prompt_ids
    ]
    missing = iter(fleet.encode(name, fleet.render(name, silent)) if silent else [])
    return [reply.answer.prompt_ids or tuple(next(missing)) for reply in replies]


def windows(tokens: Tokens, count: int, context_tokens: int, first: Tokens = ()) -> list[Passage]:
    """At most `count` windows of a text, spread evenly over it, the second half of each scored.

    As llama.cpp's perplexity tool scores text: 512 tokens at a time, or the whole context where it
    is less, each after the tokens of `first` (a begin-of-text token, where the model wants one).
    """
    size = min(WINDOW_TOKENS, context_tokens) - len(first)
    starts = range(0, max(1, len(tokens) - size // 2), size)
    chosen = [starts[len(starts) * n // count] for n in range(count)]
    parts = [(at, first + tokens[at : at + size]) for at in dict.fromkeys(chosen)]
    return [Passage(f"token {at}", part, max(1, len(part) // 2)) for at, part in parts]


Reading = dict[str, Comparison]
"""A variant beside the reference on each passage, by label."""


class Readers:
    """Variants that read the same passages as the reference, so many at the same time as `at_once`
    says; all share one vocabulary.

    `errors` says by name what kept a variant from the end, which hinders no other.
    """

    def __init__(
        self, fleet: Fleet, names: Sequence[str], reference: str, at_once: int = 3
    ) -> None:
        self.errors: dict[str, Exception] = {}
        self._fleet = fleet
        self._names = list(dict.fromkeys(names))
        self._reference = reference
        self._at_once = at_once

    def read(self, passages: Sequence[Passage]) -> dict[str, Reading]:
        """Of each variant what it expects beside the reference, as far as it got.

        Only one passage's logits are held at a time. A passage with nothing to score is left out.
        Raises what kept the reference from one.
        """
        found: dict[str, Reading] = {name: {} for name in self._names}
        with abortable_pool(self._at_once, self._fleet.interrupt) as pool:
            for passage in (it for it in passages if it.positions):
                self._read(pool, passage, found)
        return found

    def _read(self, pool: Executor, passage: Passage, found: Mapping[str, Reading]) -> None:
        theirs = pool.submit(read, self._fleet, self._reference, passage)
        going = [it for it in self._names if it not in self.errors]
        jobs = {it: pool.submit(self._compared, it, theirs, passage) for it in going}
        theirs.result()
        for name, job in jobs.items():
            compared = or_error(job.result)
            if isinstance(compared, Exception):
                self.errors[name] = compared
            else:
                found[name][passage.label] = compared

    def _compared(self, name: str, theirs: Future[Logits], passage: Passage) -> Comparison:
        """Compared where they are read, so that no more are held than read at the same time."""
        is_itself = name == self._reference
        mine = theirs.result() if is_itself else read(self._fleet, name, passage)
        return compare(theirs.result(), mine, passage.scored)


def read(fleet: Fleet, name: str, passage: Passage) -> Logits:
    """A variant's logits at the scored positions of a passage.

    Raises RequestError where some are missing, InfrastructureError where the runtime has none.
    """
    [answer] = require_answers(name, fleet.ask(name, [passage.request]))
    if answer.logits is None:
        raise InfrastructureError(f"the runtime of {name} gives no logits to compare")
    if len(answer.logits) != passage.positions:
        raise refusal(name, f"{len(answer.logits)} logits for {passage.positions} scored tokens")
    return answer.logits
