"""Puts domain items to a variant."""

from collections.abc import Sequence
from itertools import takewhile

from harness.answer import Answer, Finish, Request
from harness.bank import question
from harness.errors import ConfigError, RequestError
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.metrics.scorers.choice import log_likelihood
from harness.reply import Reply

Tokens = tuple[int, ...]


def replies(fleet: Fleet, name: str, items: Sequence[Item]) -> tuple[Reply, ...]:
    """A variant's replies to items, in their order; raises RequestError where it refuses one.

    Multiple choice is scored, one prefill a choice; all else is generated.
    """
    chosen = [item for item in items if item.scorer is Scorer.CHOICE]
    said = [item for item in items if item.scorer is not Scorer.CHOICE]
    answers = fleet.ask(name, [question(item) for item in said]) if said else []
    generated = iter([Reply(answer) for answer in require_answers(name, answers)])
    scored = iter(_scored(fleet, name, chosen))
    return tuple(next(scored if it.scorer is Scorer.CHOICE else generated) for it in items)


def _scored(fleet: Fleet, name: str, items: Sequence[Item]) -> list[Reply]:
    """Replies to items that offer choices; one item's logits are held at a time."""
    if not items:
        return []
    prompts = fleet.render(name, [item.messages for item in items])
    pairs = list(zip(items, prompts, strict=True))
    texts = [prompt + choice for item, prompt in pairs for choice in ("", *item.choices)]
    encoded = iter(fleet.encode(name, texts))
    found = []
    for item in items:
        asked, *whole = [tuple(next(encoded)) for _ in ("", *item.choices)]
        found.append(Reply(likelihoods=_likelihoods(fleet, name, whole, _seam(item, asked, whole))))
    return found


def _likelihoods(fleet: Fleet, name: str, whole: Sequence[Tokens], seam: int) -> tuple[float, ...]:
    """Of the tokens from the seam on; what the choices have in common is computed once."""
    plan = [Request(token_ids=ids, score_from=seam, fresh=False, keep_prefix=True) for ids in whole]
    found = []
    for ids, answer in zip(whole, require_answers(name, fleet.ask(name, plan)), strict=True):
        if answer.logits is None or len(answer.logits) != len(ids) - seam:
            raise refusal(name, "it gave no logits for every token to be scored")
        found.append(log_likelihood(answer.logits, ids[seam:]))
    return tuple(found)


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
