"""Puts domain items to a variant."""

import math
from collections.abc import Iterator, Sequence
from itertools import takewhile

from harness.answer import Answer, Finish, Request
from harness.bank import question
from harness.base_model import joined
from harness.errors import ConfigError, HarnessError, RequestError
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.probes.folder import read_folder
from harness.reply import Reply

Tokens = tuple[int, ...]

_NAMED = 10  # items, of those that are too long


def replies(fleet: Fleet, name: str, items: Sequence[Item]) -> tuple[Reply, ...]:
    """A variant's replies to items, in their order; raises RequestError where it refuses one.

    Multiple choice is scored, all else is generated. What else is asked beside an item changes
    nothing of its reply.
    """
    if not items:
        return ()
    plan = _plan(fleet, name, items)
    answered = list(zip(items, plan, fleet.ask_shared(name, plan), strict=True))
    refused = [each for each in answered if each[2].finish == Finish.ERROR]
    if refused:
        raise _why_refused(fleet, name, refused)
    return tuple(_reply(name, *each) for each in answered)


def _plan(fleet: Fleet, name: str, items: Sequence[Item]) -> list[Request]:
    """Items as requests, one each."""
    chosen = [item for item in items if item.scorer is Scorer.CHOICE]
    scored = iter(choice_requests(fleet, name, chosen) if chosen else [])
    return [next(scored) if it.scorer is Scorer.CHOICE else question(it) for it in items]


def choice_requests(fleet: Fleet, name: str, items: Sequence[Item]) -> list[Request]:
    """To score the choices of items that offer some, in the variant's tokens."""
    prompts = fleet.render(name, [item.messages for item in items])
    join = str.__add__ if fleet.is_chat else joined
    texts = [
        text
        for item, prompt in zip(items, prompts, strict=True)
        for text in (prompt, *(join(prompt, choice) for choice in item.choices))
    ]
    encoded = iter(fleet.encode(name, texts))
    return [_choices(item, encoded) for item in items]


def _choices(item: Item, encoded: Iterator[list[int]]) -> Request:
    """`encoded` gives the prompt and then the prompt with each choice after it."""
    asked, *whole = [tuple(next(encoded)) for _ in ("", *item.choices)]
    seam = _seam(item, asked, whole)
    offered = tuple(ids[seam:] for ids in whole)
    return Request(token_ids=asked[:seam], continuations=offered, fresh=False)


def _reply(name: str, item: Item, request: Request, answer: Answer) -> Reply:
    if item.scorer is not Scorer.CHOICE:
        return Reply(answer)
    found, offered = answer.log_likelihoods, len(item.choices)
    if len(found) != offered or any(map(math.isnan, found)):
        raise refusal(name, f"{offered} choices were to be scored, and it gave {list(found)}")
    return Reply(likelihoods=found, choice_tokens=tuple(map(len, request.continuations)))


def _why_refused(
    fleet: Fleet, name: str, refused: Sequence[tuple[Item, Request, Answer]]
) -> HarnessError:
    """What does not fit the context is the bank's mistake, all of it at once; all else is the
    variant's.
    """
    context = read_folder(fleet.variant(name).directory).model.get("context_length")
    long = []
    for item, request, answer in refused:
        tokens = len(answer.prompt_ids) + request.continuation_tokens
        if not isinstance(context, int) or tokens < context:
            return refusal(name, f"item {item.id}: {answer.error}")
        long.append((item.id, tokens))
    named = ", ".join(f"{item} ({tokens:,} tokens)" for item, tokens in long[:_NAMED])
    more = f" and {len(long) - _NAMED:,} more" if len(long) > _NAMED else ""
    return ConfigError(
        f"an item's prompt must be shorter than the context of {name}, {context:,} tokens: found "
        f"{named}{more}: shorten them, or leave them out"
    )


def _seam(item: Item, asked: Tokens, whole: Sequence[Tokens]) -> int:
    """How many tokens the prompt and the prompt with any choice after it begin with alike.

    Text is not encoded piece by piece: a choice's first letters may make one token with the
    prompt's last. Cut where they part, all choices are scored after the same tokens, and where
    nothing merges these are the prompt's. (lm-evaluation-harness encodes both together too.)
    """
    rows = zip(asked, *whole, strict=False)
    seam = sum(1 for _ in takewhile(lambda row: len(set(row)) == 1, rows))
    if not seam or any(len(ids) == seam for ids in whole):
        raise ConfigError(f"item {item.id}: a choice adds no token to the prompt, or all of it")
    return seam


def require_answers(name: str, answers: Sequence[Answer]) -> list[Answer]:
    """The answers, or RequestError with the first error among them."""
    for answer in answers:
        if answer.finish == Finish.ERROR:
            raise refusal(name, answer.error)
    return list(answers)


def refusal(name: str, why: str) -> RequestError:
    """The error of a variant that refused a request, or answered it unusably."""
    error = RequestError(f"{name} refused a request: {why}")
    error.variant = name
    return error
