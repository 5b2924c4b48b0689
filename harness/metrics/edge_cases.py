"""What must hold of an answer to an odd request, and of a tokenizer that is asked odd things."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import zip_longest
from typing import Literal

from harness.answer import Answer, Finish, Request

SHOWN_CHARACTERS = 40
Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
"""A Unicode normal form."""

UNKNOWN = "\ufffd"
"""What stands for bytes that are no character."""


class Expected(StrEnum):
    """How an odd request must end."""

    ANSWER = "answer"  # in sane text
    ERROR = "error"  # in an error that says something
    EITHER = "either"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What became of a request's text on its way to the model; None where nobody can tell.

    `encoded` are the tokenizer's own ids of the whole prompt, `stated` those that tokenizer.json
    states. `is_cut` says that whatever is added to the text's end changes nothing.
    """

    encoded: tuple[int, ...] | None = None
    stated: tuple[int, ...] | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Trial:
    """A request as it was tried: its answer, and one to the same again (None where not asked).

    `before` and `after` are answers to one normal request, and `decoded` is the answer's text when
    its tokens are decoded all at once. `is_tie` says that where the two answers part the logits of
    both tokens are as good as equal.
    """

    request: Request
    expected: Expected
    answer: Answer
    before: Answer
    after: Answer
    again: Answer | None = None
    is_tie: bool = False
    decoded: str | None = None
    prompt: Prompt = Prompt()


def broken_promise(trial: Trial) -> str:
    """The first promise that was not kept, as a clause; empty when all were."""
    if trial.answer.finish == Finish.ERROR:
        return _refusal(trial) or _normal(trial)
    found = (
        _unexpected(trial),
        _limit(trial),
        _unicode(trial.answer.text),
        _stream(trial),
        _finite(trial.answer),
        _prompt(trial),
        _repeat(trial),
        _normal(trial),
    )
    return next(filter(None, found), "")


def _refusal(trial: Trial) -> str:
    if not trial.answer.error.strip():
        return "an error without a message"
    if trial.expected is Expected.ANSWER:
        return f"it was refused ({trial.answer.error})"
    return ""


def _unexpected(trial: Trial) -> str:
    if trial.expected is Expected.ERROR:
        return f"it was answered ({shown(trial.answer.text)}) where an error is right"
    return ""


def _limit(trial: Trial) -> str:
    found, limit = len(trial.answer.token_ids), trial.request.max_new_tokens
    return f"{found} new tokens, the limit was {limit}" if found > limit else ""


def _unicode(text: str) -> str:
    broken = any(0xD800 <= ord(char) <= 0xDFFF for char in text)
    return "the text is not valid Unicode" if broken else ""


def _stream(trial: Trial) -> str:
    """The stream must begin with all that is decoded at once, up to what is no character.

    It may go on where that ends: in today's engine a NUL, or bytes that are no character, end the
    decoding of all at once and are left out of the stream.
    """
    if trial.decoded is None:
        return ""
    streamed, (whole, _, _) = trial.answer.text, trial.decoded.partition(UNKNOWN)
    if streamed.startswith(whole):
        return ""
    return f"streamed as {shown(streamed)}, decoded at once {shown(trial.decoded)}"


def _finite(answer: Answer) -> str:
    return f"{answer.non_finite} steps without finite logits" if answer.non_finite else ""


def _prompt(trial: Trial) -> str:
    """That all of the prompt is there, and nothing else."""
    ids, prompt = trial.answer.prompt_ids, trial.prompt
    if prompt.is_cut:
        return "what is added to the prompt's end changes nothing: it is cut"
    if prompt.encoded is not None and ids != prompt.encoded:
        return (
            f"the prompt was {len(ids)} tokens, the tokenizer gives {_other(ids, prompt.encoded)}"
        )
    if prompt.stated is not None and ids != prompt.stated:
        return (
            f"the prompt was {len(ids)} tokens, tokenizer.json states {_other(ids, prompt.stated)}"
        )
    return ""


def _other(ids: Sequence[int], others: Sequence[int]) -> str:
    return str(len(others)) if len(ids) != len(others) else "other ones"


def _repeat(trial: Trial) -> str:
    again = trial.again
    if again is None or trial.is_tie or _tokens_and_text(again) == _tokens_and_text(trial.answer):
        return ""
    return (
        f"asked again it said {shown(again.error or again.text)}, "
        f"not {shown(trial.answer.text)} as before"
    )


def _tokens_and_text(answer: Answer) -> tuple[tuple[int, ...], str]:
    return answer.token_ids, answer.text


def _normal(trial: Trial) -> str:
    before, after = trial.before, trial.after
    if (after.finish, after.text) == (before.finish, before.text):
        return ""
    return f"a normal request after it gave {shown(after.error or after.text)}"


def shown(text: str) -> str:
    """The beginning of a text in plain characters, quoted."""
    begin = text[:SHOWN_CHARACTERS]
    return f"{begin!a}" + ("..." if len(text) > len(begin) else "")


def parting(one: Answer, other: Answer) -> int | None:
    """Where two answers to one prompt part: the first token that is not the same, or that only one
    of them has; None where there is none.
    """
    pairs = enumerate(zip_longest(one.token_ids, other.token_ids))
    return next((at for at, (mine, theirs) in pairs if mine != theirs), None)


def is_normal(text: str, forms: Sequence[Form]) -> bool:
    """Whether a text is in each of these Unicode normal forms already."""
    return all(unicodedata.normalize(form, text) == text for form in forms)


def has_numerals(text: str) -> bool:
    """Whether a text has numerals beside 0 to 9: fractions, exponents, other scripts' digits."""
    return any(unicodedata.category(it)[0] == "N" and not it.isascii() for it in text)


def expected_of(text: str) -> Expected:
    """A short text must be answered, but half a character may be refused."""
    whole = not any(0xD800 <= ord(char) <= 0xDFFF for char in text)
    return Expected.ANSWER if whole else Expected.EITHER
