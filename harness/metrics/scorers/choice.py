"""Multiple choice: which of the texts the model thinks likeliest, with nothing generated."""

from collections.abc import Sequence

from harness.asking import Normalize
from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.reply import Reply


def comparable(item: Item, reply: Reply, likelihoods: Sequence[float]) -> list[float]:
    """Log-likelihoods of the choices as they are compared: whole, or per byte of UTF-8, character
    or token.

    Per byte, because a long text is less likely than a short one however right it is, and because a
    byte, unlike a token, is the same for every tokenizer (Gao 2021, "Multiple choice normalization
    in LM evaluation"). In lm-evaluation-harness `acc` is the whole, and `acc_norm` per character.
    """
    return [value / size for value, size in zip(likelihoods, _sizes(item, reply), strict=True)]


def _sizes(item: Item, reply: Reply) -> list[int]:
    if item.normalize is Normalize.NONE:
        return [1] * len(item.choices)
    if item.normalize is Normalize.TOKEN:
        return list(reply.choice_tokens)
    if item.normalize is Normalize.CHARACTER:
        return [len(choice) for choice in item.choices]
    return [len(choice.encode()) for choice in item.choices]


def likeliest(item: Item, reply: Reply) -> str:
    """The choice that is likeliest as the item compares them; empty for a draw."""
    scores = comparable(item, reply, reply.likelihoods)
    best = max(scores)
    return "" if scores.count(best) > 1 else item.choices[scores.index(best)]


def behind(item: Item, reply: Reply, others: Sequence[float]) -> float:
    """How much likelier than a reply's choice these log-likelihoods find another, in nats; 0 where
    they choose the same. Of choices of other lengths as if they were as long as the reply's.
    """
    mine, theirs = (comparable(item, reply, it) for it in (reply.likelihoods, others))
    chosen = mine.index(max(mine))
    return (max(theirs) - theirs[chosen]) * _sizes(item, reply)[chosen]


def choice(item: Item, reply: Reply) -> Grade:
    """The likeliest choice is the expected one; a draw is wrong."""
    return Grade(float(likeliest(item, reply) == item.expected))


def require_choices(item: Item) -> None:
    """Refuse what leaves no choice, and what one cannot choose right."""
    if len(set(item.choices)) < 2 or len(set(item.choices)) < len(item.choices):
        raise ConfigError(f"choices must be two texts or more, all different: {item.choices!r}")
    if not all(text.strip() for text in item.choices):
        raise ConfigError(f"a choice must not be empty: found {item.choices!r}")
    if item.expected not in item.choices:
        raise ConfigError(f"expected must be one of choices: found {item.expected!r}")
