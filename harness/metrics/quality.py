"""Whether an answer is right."""

import math
from dataclasses import replace

from harness.answer import Finish
from harness.item import Item, Scorer
from harness.metrics.scorers import choice, custom, listed, numeric, pattern, structured, text
from harness.metrics.scorers.base import Grade, Scoring
from harness.reply import Reply

__all__ = ["Grade", "ended", "grade", "is_cut", "require_decidable"]


def grade(item: Item, reply: Reply) -> Grade:
    """How good a reply is by the item's scorer.

    Raises ConfigError for what is the item's fault: a pattern without end, a function that raises.
    """
    return _SCORINGS[item.scorer].grade(item, ended(item, reply))


def ended(item: Item, reply: Reply) -> Reply:
    """The reply up to the first of the texts that end it, and by its share of the text so many of
    its tokens: what a base model says beyond, as another question, nobody reads.
    """
    text = reply.answer.text
    end = min((at for it in item.until if (at := text.find(it)) >= 0), default=None)
    if end is None:
        return reply
    tokens = reply.answer.token_ids
    kept = tokens[: math.ceil(len(tokens) * end / len(text))]
    answer = replace(reply.answer, text=text[:end], token_ids=kept, finish=Finish.STOP)
    return replace(reply, answer=answer)


def is_cut(answer: str, whole: str) -> bool:
    """Whether an answer is the beginning of another one and breaks off there."""
    short, long = answer.rstrip(), whole.rstrip()
    return len(short) < len(long) and long.startswith(short)


def require_decidable(item: Item) -> None:
    """Raise ConfigError for an item that no answer, or any answer, would satisfy."""
    _SCORINGS[item.scorer].check(item)


_SCORINGS = {
    Scorer.EXACT: Scoring(text.exact),
    Scorer.NORMALIZED: Scoring(text.normalized, text.require_words),
    Scorer.CONTAINS: Scoring(text.contains, text.require_text),
    Scorer.REGEX: Scoring(pattern.matches, pattern.require_pattern),
    Scorer.NUMERIC: Scoring(numeric.numeric, numeric.require_number),
    Scorer.CHOICE: Scoring(choice.choice, choice.require_choices),
    Scorer.LISTED: Scoring(listed.listed, listed.require_listed),
    Scorer.JSON: Scoring(structured.same_json, structured.require_json),
    Scorer.JSON_FIELDS: Scoring(structured.json_fields, structured.require_json),
    Scorer.ROUGE_L: Scoring(text.rouge_l, text.require_words),
    Scorer.CHRF: Scoring(text.chrf, text.require_words),
    Scorer.FUNCTION: Scoring(custom.function, custom.require_function),
}
