"""Puts domain items to a variant."""

from collections.abc import Iterator, Sequence
from itertools import takewhile

from harness.answer import Answer, Finish, Request
from harness.bank import question
from harness.errors import ConfigError, RequestError
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.metrics.scorers.choice import log_likelihood
from harness.reply import Reply

Tokens = tuple[int, ...]
_AT_ONCE = 8  # items that offer choices: 0.1 GB of logits where the vocabulary is 150,000


def replies(fleet: Fleet, name: str, items: Sequence[Item]) -> tuple[Reply, ...]:
    """A variant's replies to items, in their order; raises RequestError where it refuses one.

    Multiple choice is scored, one prefill a choice; all else is generated.
    """
    chosen = [item for item in items if item.scorer is Scorer.CHOICE]
    said = [item for item in items if item.scorer is not Scorer.CHOICE]
    answers = fleet.ask_shared(name, [question(item) for item in said]) if said else []
    generated = iter([Reply(answer) for answer in require_answers(name, answers)])
    scored = iter(_scored(fleet, name, chosen))
    return tuple(next(scored if it.scorer is Scorer.CHOICE else generated) for it in items)


def _scored(fleet: Fleet, name: str, items: Sequence[Item]) -> list[Reply]:
    """Replies to items that offer choices; the logits of a few items are held at a time."""
    return [
        reply
        for first in range(0, len(items), _AT_ONCE)
        for reply in _scored_at_once(fleet, name, items[first : first + _AT_ONCE])
    ]


def _scored_at_once(fleet: Fleet, name: str, items: Sequence[Item]) -> list[Reply]:
    prompts = fleet.render(name, [item.messages for item in items])
    pairs = list(zip(items, prompts, strict=True))
    texts = [prompt + choice for item, prompt in pairs for choice in ("", *item.choices)]
    encoded = iter(fleet.encode(name, texts))
    plan = [request for item in items for request in _choices(item, encoded)]
    answers = require_answers(name, fleet.ask(name, plan))
    found = iter([_likelihood(name, *pair) for pair in zip(plan, answers, strict=True)])
    return [Reply(likelihoods=tuple(next(found) for _ in item.choices)) for item in items]


def _choices(item: Item, encoded: Iterator[list[int]]) -> list[Request]:
    """To score each choice; `encoded` gives the prompt and then the prompt with each after it.

    What the choices have in common is computed once, where the runtime can.
    """
    asked, *whole = [tuple(next(encoded)) for _ in ("", *item.choices)]
    seam = _seam(item, asked, whole)
    return [Request(token_ids=it, score_from=seam, fresh=False, keep_prefix=True) for it in whole]


def _likelihood(name: str, request: Request, answer: Answer) -> float:
    assert request.token_ids is not None
    tokens = request.token_ids[request.score_from :]
    if answer.logits is None or len(answer.logits) != len(tokens):
        raise refusal(name, "it gave no logits for every token to be scored")
    return log_likelihood(answer.logits, tokens)


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
