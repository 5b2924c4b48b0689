"""Multiple choice: which of the texts the model thinks likeliest, with nothing generated."""

from collections.abc import Sequence

from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.reply import Reply


def per_byte(item: Item, likelihoods: Sequence[float]) -> list[float]:
    """The log-likelihood of each choice per byte of its UTF-8 text.

    Per byte, because a long text is less likely than a short one however right it is, and because a
    byte, unlike a token, is the same for every tokenizer (Gao 2021, "Multiple choice normalization
    in LM evaluation"; `acc_norm` of lm-evaluation-harness).
    """
    sizes = [len(choice.encode()) for choice in item.choices]
    return [value / size for value, size in zip(likelihoods, sizes, strict=True)]


def likeliest(item: Item, reply: Reply) -> str:
    """The choice with the highest log-likelihood per byte; empty for a draw."""
    scores = per_byte(item, reply.likelihoods)
    best = max(scores)
    return "" if scores.count(best) > 1 else item.choices[scores.index(best)]


def behind(item: Item, reply: Reply, others: Sequence[float]) -> float:
    """How much likelier than a reply's choice these log-likelihoods find another, in nats; 0 where
    they choose the same. Of choices of other lengths as if they were as long as the reply's.
    """
    mine, theirs = per_byte(item, reply.likelihoods), per_byte(item, others)
    chosen = mine.index(max(mine))
    return (max(theirs) - theirs[chosen]) * len(item.choices[chosen].encode())


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
