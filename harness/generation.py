"""Has a variant generate after long chats, and read them itself: decode steps beside a prefill."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.answer import Answer, Request
from harness.errors import InfrastructureError
from harness.exam import refusal, require_answers
from harness.fleet import Fleet
from harness.long_chat import LongChat
from harness.metrics.divergence import Logits, non_finite_positions
from harness.metrics.recital import Decoded, changed, decoded
from harness.metrics.sampling import penalized
from harness.metrics.scaling import Deviation, deviation
from harness.probes.folder import read_penalty

NEW_TOKENS = 8
"""Steps after each chat."""

Tokens = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Recital:
    """What came after one chat: the tokens, and the logits of the steps, (steps, vocabulary).

    `decoded` compares them with the variant's own prefill over the same tokens; None where a logit
    is not finite. `changed` says by place how much another fact there changes the first step.
    `beside` is how far the steps are from the reference's; None of the reference itself.
    """

    tokens: int
    came: Tokens
    steps: Logits
    non_finite: int
    decoded: Decoded | None = None
    changed: Mapping[str, float] = field(default_factory=dict)
    beside: Deviation | None = None


def recite(
    fleet: Fleet, name: str, chats: Sequence[LongChat], theirs: Sequence[Recital] = ()
) -> tuple[Recital, ...]:
    """What a variant generates after each chat; after the tokens of the reference's, if there are.

    Chats are asked as applications ask them. Raises RequestError for a chat that is
    refused or whose prompt is not as long as it is rendered, InfrastructureError where the runtime
    tells no logits of its steps.
    """
    references: Sequence[Recital | None] = theirs or [None] * len(chats)
    prompts = fleet.encode(name, fleet.render(name, [it.messages for it in chats]))
    penalty = read_penalty(fleet.variant(name).directory)
    return tuple(
        _recital(fleet, name, chat, tuple(prompt), their, penalty)
        for chat, prompt, their in zip(chats, prompts, references, strict=True)
    )


def _recital(
    fleet: Fleet,
    name: str,
    chat: LongChat,
    prompt: Tokens,
    theirs: Recital | None,
    penalty: float,
) -> Recital:
    """Where tokens are forced the likeliest are told as they are; what is free obeys `penalty`."""
    greedy = Request(messages=chat.messages, max_new_tokens=NEW_TOKENS, stop_at_end=False)
    told = _asked(
        fleet, name, replace(greedy, tell_logits=True, forced=theirs.came if theirs else ()), prompt
    )
    steps = _steps(name, told)
    came = theirs.came if theirs else told.token_ids
    prefill = _prefill(fleet, name, prompt, came)
    if not len(prefill) == len(steps) == len(came):
        raise refusal(name, f"{len(came)} steps have {len(steps)} rows of logits, not as many")
    broken = non_finite_positions(steps) + non_finite_positions(prefill)
    if broken:
        return Recital(chat.tokens, came, steps, broken)
    chosen, free = Tokens(), told
    if theirs:
        chosen = told.token_ids
        free = _asked(fleet, name, replace(greedy, fresh=False, keep_prefix=True), prompt)
    ruled = penalized(prefill, prompt, came, penalty)
    return Recital(
        chat.tokens,
        came,
        steps,
        0,
        decoded(steps, prefill, chosen, free.token_ids, came, ruled),
        _changes(fleet, name, chat),
        _beside(name, theirs.steps, steps) if theirs else None,
    )


def _prefill(fleet: Fleet, name: str, prompt: Tokens, came: Tokens) -> Logits:
    """What one prefill predicts the tokens that came by."""
    read = Request(token_ids=prompt + came, score_from=len(prompt), fresh=False)
    [answer] = require_answers(name, fleet.ask(name, [read]))
    return _steps(name, answer)


def _asked(fleet: Fleet, name: str, request: Request, prompt: Tokens) -> Answer:
    """The answer to a chat, whose prompt it is."""
    [answer] = require_answers(name, fleet.ask(name, [request]))
    read = len(answer.prompt_ids) or answer.prompt_tokens
    if read != len(prompt):
        raise refusal(name, f"a chat of {len(prompt):,} tokens was read as {read:,}")
    return answer


def _steps(name: str, answer: Answer) -> Logits:
    if answer.logits is None:
        raise InfrastructureError(
            f"the runtime of {name} tells no logits of what it reads and generates"
        )
    return answer.logits


def _changes(fleet: Fleet, name: str, chat: LongChat) -> dict[str, float]:
    """By place; what changes late comes first, so that a runtime may keep what was before it.

    The chat itself is asked once more for that, in the same pieces as the others: a fact that is
    forgotten then changes nothing at all.
    """
    places = list(chat.exchanged)[::-1]
    plan = [
        Request(
            messages=messages,
            max_new_tokens=1,
            stop_at_end=False,
            fresh=False,
            keep_prefix=True,
            tell_logits=True,
        )
        for messages in (chat.messages, *(chat.exchanged[place] for place in places))
    ]
    before, *after = require_answers(name, fleet.ask(name, plan))
    told = zip(places, after, strict=True)
    return {place: changed(_steps(name, before), _steps(name, it)) for place, it in told}


def _beside(name: str, theirs: Logits, mine: Logits) -> Deviation:
    if theirs.shape != mine.shape:
        raise refusal(name, f"it gave logits {mine.shape}, the reference {theirs.shape}")
    return deviation(theirs, mine)
