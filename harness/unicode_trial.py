"""Puts texts of every class of Unicode to a process, many a time; what fails is narrowed down."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import regex

from harness.answer import Answer, Finish, Request
from harness.errors import CrashError, HangError, RequestError
from harness.metrics.edge_cases import SHOWN_CHARACTERS, UNKNOWN, shown
from harness.ordeal import Ordeal, without_name
from harness.unicode_texts import Piece

TEXT_BYTES = 120
_NARROWED = 3  # groups; more failures than that are of another kind
_HANG = "no progress"


def broken_texts(ordeal: Ordeal, groups: Mapping[str, Sequence[Piece]]) -> dict[str, str]:
    """What is wrong with each kind of text, by its name; empty where nothing is.

    A group that fails is named by the smallest part that fails alone.
    """
    found: dict[str, str] = {}
    narrowed = 0
    for name, pieces in groups.items():
        found |= dict.fromkeys((it.kind for it in pieces), "")
        problem = _problem(ordeal, pieces)
        if not problem:
            continue
        if problem.startswith(_HANG) or narrowed >= _NARROWED:
            found[name] = problem
            continue
        narrowed += 1
        piece, problem = _narrow(ordeal, pieces, problem)
        found[piece.kind] = f"{_code_points(piece.text)}: {problem}"
    return found


def _narrow(ordeal: Ordeal, pieces: Sequence[Piece], problem: str) -> tuple[Piece, str]:
    """The smallest part, by halves, that fails: of the pieces, then of one piece's characters."""
    while len(pieces) > 1:
        worse = _worse(ordeal, pieces[: len(pieces) // 2], pieces[len(pieces) // 2 :])
        if worse is None:
            break
        pieces, problem = worse
    kinds = dict.fromkeys(it.kind for it in pieces)
    piece = Piece(" with ".join(kinds), _joined(pieces))
    while len(characters := regex.findall(r"\X", piece.text)) > 1:
        middle = len(characters) // 2
        halves = ("".join(characters[:middle]), "".join(characters[middle:]))
        worse = _worse(ordeal, *([replace(piece, text=half)] for half in halves))
        if worse is None:
            break
        [piece], problem = worse
    return piece, problem


def _worse(ordeal: Ordeal, *halves: Sequence[Piece]) -> tuple[Sequence[Piece], str] | None:
    tried = ((half, _problem(ordeal, half)) for half in halves)
    return next((it for it in tried if it[1]), None)


def _problem(ordeal: Ordeal, pieces: Sequence[Piece]) -> str:
    """The first thing that is wrong with texts of these pieces, asked in one plan."""
    texts = _texts(pieces)
    chats = [(("user", text),) for text in texts]
    plan = [Request(chat, max_new_tokens=1, fresh=False, watch=True) for chat in chats]
    try:
        own = ordeal.runtime.encode(texts)
        decoded = ordeal.runtime.decode(own)
        prompts = ordeal.runtime.render(chats)
        ids = ordeal.runtime.encode(prompts)
        *answers, after = ordeal.run([*plan, ordeal.normal])
        before = ordeal.before_of(after)
    except (CrashError, HangError) as error:
        return without_name(error)
    except RequestError as error:
        return f"it was refused ({error})"
    found = [_round_trip(ordeal, *it) for it in zip(texts, decoded, strict=True)]
    found += [_answered(ordeal, *it) for it in zip(prompts, ids, answers, strict=True)]
    if (after.finish, after.text) != (before.finish, before.text):
        found.append(f"a normal request after it gave {shown(after.error or after.text)}")
    return next(filter(None, found), "")


def _round_trip(ordeal: Ordeal, text: str, decoded: str) -> str:
    """Encoded and decoded a text must be itself, where tokenizer.json says that it would be.

    Today's engine ends at what is no character: up to there it must be the same.
    """
    stated = ordeal.tokenizer.round_trip
    if stated is None or stated(text) != text or decoded == text:
        return ""
    at = next((at for at, (a, b) in enumerate(zip(text, decoded, strict=False)) if a != b), None)
    if at is not None and decoded[at:] == UNKNOWN and _is_no_character(text[at]):
        return ""
    return f"encoded and decoded it is {shown(decoded)}"


def _is_no_character(character: str) -> bool:
    code = ord(character)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code < 0xFDF0


def _answered(ordeal: Ordeal, prompt: str, ids: Sequence[int], answer: Answer) -> str:
    """It must be answered, from the whole prompt, with finite logits."""
    if answer.finish is Finish.ERROR:
        return f"it was refused ({answer.error})"
    if answer.non_finite:
        return f"{answer.non_finite} steps without finite logits"
    stated = ordeal.tokenizer.encode
    if answer.prompt_ids != tuple(ids):
        return f"the prompt was {len(answer.prompt_ids)} tokens, the tokenizer gives {len(ids)}"
    if stated and ordeal.tokenizer.is_read_so(prompt) and stated(prompt) != tuple(ids):
        return f"the prompt was {len(ids)} tokens, tokenizer.json states other ones"
    return ""


def _texts(pieces: Sequence[Piece]) -> list[str]:
    """Pieces one after the other, in texts of about so many bytes; one that is longer is alone."""
    found: list[list[Piece]] = []
    size = 0
    for piece in pieces:
        more = len(piece.text.encode()) + 1
        if not found or size + more > TEXT_BYTES:
            found.append([])
            size = 0
        found[-1].append(piece)
        size += more
    return [_joined(it) for it in found]


def _joined(pieces: Sequence[Piece]) -> str:
    return " ".join(it.text for it in pieces)


def _code_points(text: str) -> str:
    """The beginning of a text as code points."""
    points = [f"U+{ord(it):04X}" for it in text[: SHOWN_CHARACTERS // 4]]
    return " ".join(points) + (" ..." if len(text) > len(points) else "")
