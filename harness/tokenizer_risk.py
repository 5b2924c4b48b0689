"""What a runtime's tokenizer does with text that can be used against it: known risks, by name."""

import contextlib
import unicodedata
from collections.abc import Callable

from harness.answer import Messages, is_question
from harness.errors import RequestError
from harness.probes.tokenizer import Tokenizer
from harness.runtimes.isolated import Isolated

_DECOMPOSED = ("cafe\u0301", "Zu\u0308rich", "A\u030angstro\u0308m", "\u1112\u1161\u11ab")
_PLACES: dict[str, Callable[[str], Messages]] = {
    "a user's message": lambda text: (("user", text),),
    "the system's message": lambda text: (("system", text), ("user", "Hello")),
}


def typed_special_tokens(runtime: Isolated, tokenizer: Tokenizer) -> dict[str, bool]:
    """By special token: whether a user who types it gets the token itself."""
    [[plain], *found] = [
        _ids(runtime, [(("user", text),)]) for text in ("x", *tokenizer.special.values())
    ]
    return {
        name: bool(ids and ids[0].count(token) > plain.count(token))
        for (token, name), ids in zip(tokenizer.special.items(), found, strict=True)
    }


def cut_at_nul(runtime: Isolated, is_chat: bool = True) -> dict[str, bool]:
    """By place: whether what follows a NUL there never reaches the model, without an error.

    A model that is not asked in chats has no other place than a user's message.
    """
    found = {}
    for place, chat in _PLACES.items():
        if not is_chat and not is_question(chat("")):
            continue
        ids = _ids(runtime, [chat("left\0right"), chat("left\0wrong"), chat("left")])
        found[place] = bool(ids) and ids[0] == ids[1]
    return found


def without_token(runtime: Isolated, tokenizer: Tokenizer) -> dict[str, bool]:
    """By character: whether a byte of it, for which the vocabulary has no token, is one to the
    model all the same: the engine's id for it is -1, which is the last of a table.
    """
    found = {}
    for character in filter(None, map(_with_byte, sorted(tokenizer.absent_bytes))):
        ids = _ids(runtime, [(("user", character),)])
        found[ascii(character)] = bool(ids) and min(ids[0]) < 0
    return found


def _with_byte(byte: int) -> str:
    """The first character whose UTF-8 begins with a byte; empty where none does."""
    for rest in (b"", b"\x80", b"\x80\x80", b"\xa0\x80", b"\x80\x80\x80", b"\x90\x80\x80"):
        with contextlib.suppress(UnicodeDecodeError):
            return (bytes([byte]) + rest).decode()
    return ""


def unnormalized(runtime: Isolated, tokenizer: Tokenizer) -> dict[str, bool]:
    """By text with accents of their own: whether it gets other tokens than its composed form,
    though tokenizer.json puts text into that form first.
    """
    composes = any(form.endswith("C") for form in tokenizer.forms)
    found = {}
    for text in _DECOMPOSED:
        ids = _ids(runtime, [(("user", it),) for it in (text, unicodedata.normalize("NFC", text))])
        found[ascii(text)] = composes and bool(ids) and ids[0] != ids[1]
    return found


def _ids(runtime: Isolated, chats: list[Messages]) -> list[list[int]]:
    """The prompt of each chat; none at all where the runtime refuses one, which is no risk."""
    try:
        return runtime.encode(runtime.render(chats))
    except RequestError:
        return []
