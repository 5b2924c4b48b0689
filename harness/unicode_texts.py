"""Odd texts that cover Unicode class by class, made from the interpreter's own tables."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, product

import regex

_MOST = 0x110000
_ASSIGNED = (range(1, 0xD800), range(0xE000, 0x34000), range(0xE0000, 0xE1000))
_SPARSE = range(0x40000, _MOST, 0x1000)  # unassigned or private nearly everywhere
_OF_CATEGORY = 4  # characters
_RUN = 16  # emoji in one text
_MARKER = ("LETTER", "SYLLABLE", "IDEOGRAPH", "SIGN", "VOWEL", "DIGIT", "CAPITAL", "SMALL")
_ZWJ, _ZWNJ, _TEXT, _EMOJI, _KEYCAP = "\u200d", "\u200c", "\ufe0e", "\ufe0f", "\u20e3"
_PEOPLE = "👨👩🧑"
_CHILDREN = "👧👦"
_REGIONS = ("gbeng", "gbsct", "gbwls")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text of one class of Unicode."""

    kind: str
    text: str


@cache
def pieces_of_unicode() -> dict[str, tuple[Piece, ...]]:
    """At least one of each general category, script, kind of emoji sequence, joiner, normal form,
    kind of mark and selector, plane, and of what is no character, by what they have in common.

    NUL and half characters are not among them.
    """
    made: dict[str, Callable[[], Iterable[tuple[str, str]]]] = {
        "general categories": _categories,
        "scripts": _scripts,
        "single emoji": _single_emoji,
        "emoji sequences": _emoji_sequences,
        "emoji ZWJ sequences": _joined_emoji,
        "joined letters": _joined_letters,
        "normal forms": _forms,
        "directions": _directions,
        "combining marks": _marks,
        "variation selectors": _selectors,
        "planes": _planes,
    }
    return {
        name: tuple(dict.fromkeys(Piece(kind, text) for kind, text in make()))
        for name, make in made.items()
    }


@cache
def _by_category() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for code in chain(*_ASSIGNED, _SPARSE):
        found.setdefault(unicodedata.category(chr(code)), []).append(chr(code))
    return found


def _spread(values: Sequence[str], count: int) -> list[str]:
    """So many of them, the first and the last among them, evenly apart."""
    if len(values) <= count:
        return list(values)
    return [values[round(at * (len(values) - 1) / max(1, count - 1))] for at in range(count)]


def _categories() -> Iterable[tuple[str, str]]:
    for name, characters in sorted(_by_category().items()):
        yield f"general category {name}", " ".join(_spread(characters, _OF_CATEGORY))


def _scripts() -> Iterable[tuple[str, str]]:
    """Letters by the beginning of their names, which is their script's: OLD ITALIC LETTER A."""
    found: dict[str, list[str]] = {}
    for category in ("Lu", "Ll", "Lo"):
        for letter in _by_category()[category]:
            words = unicodedata.name(letter, "").split()
            length = next((at for at, word in enumerate(words) if word in _MARKER), 1)
            found.setdefault(" ".join(words[: max(1, length)]), []).append(letter)
    for name, letters in found.items():
        if name and len(letters) > 1:
            yield f"script {name.title()}", letters[len(letters) // 2]


@cache
def _having(name: str) -> list[str]:
    """Assigned characters that have a property of Unicode's emoji data, or of its lists."""
    assigned = "".join(
        "".join(characters)
        for category, characters in _by_category().items()
        if category not in ("Cn", "Co", "Lo")
    )
    return list(regex.findall(rf"\p{{{name}}}", assigned))


def _runs(kind: str, texts: Sequence[str]) -> Iterable[tuple[str, str]]:
    for at in range(0, len(texts), _RUN):
        yield kind, "".join(texts[at : at + _RUN])


def _single_emoji() -> Iterable[tuple[str, str]]:
    yield from _runs("single emoji", _having("Extended_Pictographic"))


def _emoji_sequences() -> Iterable[tuple[str, str]]:
    both = [it for it in _having("Emoji") if it not in {*_having("Emoji_Presentation")}]
    some = _spread([it for it in both if it > "\u00ff"], _RUN)
    yield from _runs("emoji presentation sequence", [it + _EMOJI for it in some])
    yield from _runs("text presentation sequence", [it + _TEXT for it in some])
    yield from _runs("keycap sequence", [it + _EMOJI + _KEYCAP for it in "0123456789#*"])
    tones, bases = _having("Emoji_Modifier"), _having("Emoji_Modifier_Base")
    toned = [base + tones[at % len(tones)] for at, base in enumerate(_spread(bases, 2 * _RUN))]
    yield from _runs("emoji modifier sequence", toned)
    regions = _having("Regional_Indicator")
    flags = [one + regions[(at * 7 + 3) % len(regions)] for at, one in enumerate(regions)]
    yield from _runs("flag sequence", flags)
    for region in _REGIONS:
        tags = "".join(chr(0xE0000 + ord(letter)) for letter in region)
        yield "emoji tag sequence", f"🏴{tags}\U000e007f"


def _joined_emoji() -> Iterable[tuple[str, str]]:
    things = _spread(_having("Extended_Pictographic"), _RUN)
    yield from _runs("emoji ZWJ sequence: role", [f"👩{_ZWJ}{it}" for it in things])
    tones = _having("Emoji_Modifier")
    signs = [f"🏃{tone}{_ZWJ}{it}{_EMOJI}" for it in "♀♂" for tone in ("", *tones)]
    yield from _runs("emoji ZWJ sequence: gender", signs)
    hair = [f"{one}{_ZWJ}{chr(it)}" for one in _PEOPLE for it in range(0x1F9B0, 0x1F9B4)]
    yield from _runs("emoji ZWJ sequence: hair", hair)
    parents = [_ZWJ.join(it) for it in product(_PEOPLE[:2], repeat=2)]
    children = [_CHILDREN[0], _ZWJ.join(_CHILDREN), _CHILDREN[1], ""]
    families = [_ZWJ.join(filter(None, it)) for it in zip(parents, children, strict=True)]
    yield from _runs("emoji ZWJ sequence: family", families)
    hands = zip(tones, reversed(tones), strict=True)
    pairs = [f"🧑{one}{_ZWJ}🤝{_ZWJ}🧑{other}" for one, other in hands]
    yield from _runs("emoji ZWJ sequence: pair", pairs)
    yield "emoji ZWJ sequence: flag", f"🏳{_EMOJI}{_ZWJ}🌈🏴{_ZWJ}☠{_EMOJI}"


def _joined_letters() -> Iterable[tuple[str, str]]:
    """Conjuncts: a letter of the script, its virama, a joiner, and the letter again."""
    marks = [*_by_category()["Mn"], *_by_category()["Mc"]]
    for virama in (it for it in marks if "VIRAMA" in unicodedata.name(it, "")):
        before = (chr(code) for code in range(ord(virama) - 1, ord(virama) - 64, -1))
        letter = next((it for it in before if unicodedata.category(it) == "Lo"), "\u0915")
        yield "conjunct with ZWJ", f"{letter}{virama}{_ZWJ}{letter}"
    yield "conjunct with ZWNJ", f"\u0915\u094d{_ZWNJ}\u0937"
    yield "letters with ZWNJ", f"\u0645\u06cc{_ZWNJ}\u062e\u0648\u0627\u0647\u0645"
    yield "letters with ZWJ", f"\u0647{_ZWJ} \u0628{_ZWJ}\u0628"


def _forms() -> Iterable[tuple[str, str]]:
    everything = [it for group in ("Lu", "Ll", "Lo", "So", "No") for it in _by_category()[group]]
    changed: dict[str, list[str]] = {"NFC": [], "NFD": [], "NFKC": [], "NFKD": []}
    for character in everything:
        if not unicodedata.decomposition(character) and not "\uac00" <= character <= "\ud7a3":
            continue
        compatible = unicodedata.decomposition(character).startswith("<")
        for form in ("NFKC", "NFKD") if compatible else ("NFC", "NFD"):
            changed[form].append(unicodedata.normalize(form, character))
    for form, texts in changed.items():
        some = _spread(texts, 2 * _RUN)
        yield f"normal form {form}", " ".join(some[::2])
        yield f"normal form {form}", " ".join(some[1::2])
    accents = "cafe\u0301 Zu\u0308rich Ma\u030almo\u0308 fac\u0327ade Sa\u0303o cre\u0300me"
    yield "normal form NFD", accents
    yield "normal form NFC", unicodedata.normalize("NFC", accents)


def _directions() -> Iterable[tuple[str, str]]:
    for control in _having("Bidi_Control"):
        name = unicodedata.name(control).lower()
        yield f"bidi control {name}", f"a{control}\u05d0\u05d1 1{control}b"
    yield "nested bidi isolates", "\u2067a\u2066\u05d0\u2068b\u2069c\u2069d\u2069"


def _marks() -> Iterable[tuple[str, str]]:
    marks = _spread(_by_category()["Mn"], 2 * _RUN)
    for count in (1, 2, 3, 4, 8, 16, 32):
        yield f"stack of {count} combining marks", "a" + "".join(marks[:count])
    yield "combining mark without a base", f"{marks[0]} {_KEYCAP}"
    yield "enclosing marks", "".join("a" + it for it in _by_category()["Me"])


def _selectors() -> Iterable[tuple[str, str]]:
    for at, selector in enumerate(_spread(_having("Variation_Selector"), _RUN)):
        yield "variation selector", ("\u845b", "\u2205", "\u1820", "☎")[at % 4] + selector


def _planes() -> Iterable[tuple[str, str]]:
    for plane in range(_MOST >> 16):
        first = plane << 16
        some = (first + 0x20, first + 0x8000, first + 0xFFFD)
        yield f"plane {plane}", "".join(chr(code) for code in some)
        yield f"noncharacters of plane {plane}", chr(first + 0xFFFE) + chr(first + 0xFFFF)
    yield "noncharacters", "".join(chr(code) for code in range(0xFDD0, 0xFDF0))
