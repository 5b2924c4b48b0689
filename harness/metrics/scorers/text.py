"""Scorers that compare words and letters."""

import re
import unicodedata
from functools import cache
from typing import Any

from harness.errors import ConfigError
from harness.item import Item
from harness.metrics.scorers.base import Grade
from harness.reply import Reply

_WORD = re.compile(r"\w+")


def exact(item: Item, reply: Reply) -> Grade:
    """The same text, white space at the ends aside."""
    return Grade(float(reply.answer.text.strip() == item.expected.strip()))


def normalized(item: Item, reply: Reply) -> Grade:
    """The same words, whatever their case, punctuation and white space."""
    return Grade(float(plain(reply.answer.text) == plain(item.expected)))


def plain(text: str) -> str:
    """Words in lower case with one blank between them."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return " ".join(re.sub(r"[^\w\s]", " ", folded).split())


def contains(item: Item, reply: Reply) -> Grade:
    """The expected text stands somewhere in the answer, case aside."""
    return Grade(float(item.expected.strip().casefold() in reply.answer.text.casefold()))


def require_text(item: Item) -> None:
    """Refuse an expected text that is in every answer, or nearly so."""
    expected = item.expected.strip()
    if not expected:
        raise ConfigError("every answer contains an empty text: give what is expected")
    if len(expected) == 1 and expected.isascii() and expected.isalpha():
        raise ConfigError(
            f"nearly every answer contains the letter {expected!r}: use the scorer 'choice' or, "
            r"for a letter that stands alone, 'regex' with \b at both sides"
        )


def require_words(item: Item) -> None:
    """Refuse an expected text that has nothing to compare."""
    if not plain(item.expected):
        raise ConfigError(f"expected has no words to compare with: found {item.expected!r}")


def rouge_l(item: Item, reply: Reply) -> Grade:
    """F1 of the longest common subsequence of words (Lin 2004), by Google's rouge-score.

    Words are those of any script: the package's own cutting knows Latin letters only.
    """
    found = _rouge().score(item.expected, reply.answer.text)
    return Grade(min(1.0, float(found["rougeL"].fmeasure)))


def chrf(item: Item, reply: Reply) -> Grade:
    """chrF2 of character n-grams up to six (Popović 2015), by sacrebleu, as a share."""
    found = _chrf().sentence_score(reply.answer.text, [item.expected])
    return Grade(min(1.0, float(found.score) / 100))  # rounding goes past 100


class _Words:
    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(unicodedata.normalize("NFC", text).casefold())


@cache
def _rouge() -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(["rougeL"], tokenizer=_Words())


@cache
def _chrf() -> Any:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()
