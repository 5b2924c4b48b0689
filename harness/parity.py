"""Whether two tokenizers give the same ids for the same text, and what explains it where not."""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

import regex

from harness.answer import Messages
from harness.errors import RequestError
from harness.metrics.edge_cases import has_numerals

T = TypeVar("T")
Ids = list[int] | None
"""Token ids, or None where the tokenizer or the template refuses the text."""

TEXTS = {
    "plain words": "A table for two, please, at 7:30 p.m.",
    "spaces": "  two  before, three   between, tab\there, one after ",
    "line ends": "\none\n\ntwo\r\nthree\n \n",
    "no-break and wide spaces": "10\u00a0km,\u20095\u3000\u5186",
    "numbers": "1234567890, 3.14159, 1,000,000, 0x1F, 2², ½, ٣٤",
    "letter case and apostrophes": "I'M sure YOU'LL see; don’t we'Ve o'clock",
    "code": 'def f(x):\n\treturn {"a": [x, None]}  # ok\n',
    "HTML": '<p class="a">&amp; <br/></p><!-- no -->',
    "JSON": '{"to": "Zürich", "price": -1.5e3, "ok": true}',
    "accents in one piece": "Café à Zürich, Ångström, São Paulo",
    "accents taken apart": "Cafe\u0301 a\u0300 Zu\u0308rich, A\u030angstro\u0308m, Sa\u0303o Paulo",
    "signs with two codes": "\u212b \u2126 \uf900",
    "Korean letters taken apart": "\u110b\u1161\u11ab\u1102\u1167\u11bc",
    "ligatures and wide letters": "ﬁne ＡＢＣ ① ™",
    "emoji": "\U0001f600 \U0001f1f5\U0001f1f9 \U0001f44d\U0001f3fd \u2764\ufe0f",
    "emoji with joiners": "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "invisible characters": "a\u200bb\u200dc\u00add\ufeffe\u2060f",
    "control characters": "a\x07b\x1bc\x7fd",
    "Arabic": "مرحبا بالعالم",
    "Hebrew": "שָׁלוֹם",
    "Chinese": "你好，世界。",
    "Japanese": "こんにちは、カタカナ",
    "Korean": "안녕하세요",
    "Hindi": "नमस्ते दुनिया",
    "Thai": "สวัสดีชาวโลก",
    "Russian": "Привет, мир!",
    "Greek": "Καλημέρα",
    "Turkish": "İstanbul, ışık",
    "Vietnamese": "Tiếng Việt",
    "rare characters": "\U00020000 \U0001d54f \u16a0",
}
"""What people type, by name; NUL is not among it, which the engine is known to end a text at."""

CHATS: dict[str, Messages] = {
    "one question": (("user", "Where is gate 4?"),),
    "a chat of turns": (("user", "Hi"), ("assistant", "Hello!"), ("user", "Two for Rome")),
    "a chat with a system message": (("system", "Be brief."), ("user", "Where is gate 4?")),
    "a chat with spaces around": (("user", "\n  Where is gate 4? \n"),),
    "a chat with accents taken apart": (("user", "Cafe\u0301 in Zu\u0308rich"),),
    "a chat with emoji": (("user", "\U0001f469\u200d\U0001f467 in \U0001f1f5\U0001f1f9?"),),
}


_NUMERALS = regex.compile(r"((?![0-9])\p{N})")


class Cause(StrEnum):
    """Why token ids differ from the source's."""

    NORMALIZER = "normalizer"  # the source brings characters into one form first
    STRIP = "strip"  # the source drops white space beside some added tokens
    BYTES = "bytes"  # the source leaves out bytes without a token, to which the engine gives -1
    NUMERALS = "numerals"  # the source splits off each numeral, whatever its script
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class AddedToken:
    """A token that is found in text before all others, and takes white space at its sides along."""

    content: str
    lstrip: bool = False
    rstrip: bool = False


def typed(tokens: Sequence[AddedToken], count: int = 8) -> dict[str, str]:
    """Texts of users who type added tokens, `count` at most, by name."""
    return {f"{it.content} typed": f"What is {it.content} here?" for it in tokens[:count]}


def cause(
    text: str | None, source: Ids, encode: Callable[[str], Ids], added: Sequence[AddedToken]
) -> Cause | None:
    """Why a text's token ids are not those that the source gives it; None where they are.

    A cause is known where the ids are the source's once the text is mended. `text` is None where
    there is none: a chat that a template refuses.
    """
    found = None if text is None else encode(text)
    if found == source:
        return None
    if text is None or source is None:
        return Cause.UNKNOWN
    if found is not None and [it for it in found if it >= 0] == [*source]:
        return Cause.BYTES
    for known, mended in _mended(text, added):
        if mended != text and encode(mended) == source:
            return known
    return Cause.NUMERALS if _in_pieces(text, encode) == source else Cause.UNKNOWN


def _in_pieces(text: str, encode: Callable[[str], Ids]) -> Ids:
    """Ids of a text whose numerals beside 0 to 9 are each encoded alone; None where there is none.

    What comes before every text comes once.
    """
    pieces = [it for it in _NUMERALS.split(text) if it]
    if len(pieces) < 2 or not has_numerals(text):
        return None
    begin, found = encode("") or [], [encode(it) for it in pieces]
    if None in found:
        return None
    rests = [ids[len(begin) :] for ids in found if ids is not None]
    return [*begin, *(token for ids in rests for token in ids)]


def _mended(text: str, added: Sequence[AddedToken]) -> Iterator[tuple[Cause, str]]:
    """The text as the source may see it, with what its tokenizer would have done to it by then."""
    stripped = _stripped(text, added)
    yield Cause.STRIP, stripped
    for form in ("NFC", "NFKC"):
        yield Cause.NORMALIZER, unicodedata.normalize(form, text)
        yield Cause.NORMALIZER, unicodedata.normalize(form, stripped)


def _stripped(text: str, added: Sequence[AddedToken]) -> str:
    for it in added:
        parts = text.split(it.content)
        parts = [part.lstrip() if it.rstrip and n else part for n, part in enumerate(parts)]
        last = len(parts) - 1
        parts = [part.rstrip() if it.lstrip and n < last else part for n, part in enumerate(parts)]
        text = it.content.join(parts)
    return text


def or_none(ask: Callable[[], T]) -> T | None:
    """What is asked for, or None where it is refused."""
    try:
        return ask()
    except RequestError:
        return None
