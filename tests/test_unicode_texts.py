import sys
import unicodedata

import pytest
import regex

from harness.unicode_texts import pieces_of_unicode

PIECES = [piece for group in pieces_of_unicode().values() for piece in group]
EVERYTHING = "\n".join(piece.text for piece in PIECES)
CATEGORIES = {unicodedata.category(chr(code)) for code in range(sys.maxunicode + 1)} - {"Cs"}


def kinds(beginning):
    return {piece.kind for piece in PIECES if piece.kind.startswith(beginning)}


def test_every_general_category_has_a_text_of_its_own():
    assert kinds("general category ") == {f"general category {it}" for it in CATEGORIES}
    assert {unicodedata.category(it) for it in EVERYTHING} == CATEGORIES


SCRIPTS = (
    "Adlam Arabic Armenian Bengali Cherokee Cuneiform Cyrillic Devanagari Ethiopic Georgian Gothic "
    "Greek Gujarati Gurmukhi Han Hangul Hebrew Hiragana Kannada Katakana Khmer Lao Latin Linear_B "
    "Malayalam Mongolian Myanmar Nko Ogham Oriya Runic Sinhala Syriac Tamil Telugu Thaana Thai "
    "Tibetan Tifinagh Vai Yi"
)


@pytest.mark.parametrize("script", SCRIPTS.split())
def test_every_script_is_there(script):
    assert regex.search(rf"\p{{Script={script}}}", EVERYTHING)


def test_every_emoji_is_there_and_sequences_of_every_type():
    emoji = {chr(code) for code in range(0x2000, 0x1FB00) if regex.match(r"\p{Emoji}", chr(code))}
    assigned = {it for it in emoji if unicodedata.category(it) != "Cn"}
    assert assigned - {*EVERYTHING} == set()
    for sequence in (
        r"\p{Emoji}\ufe0e",
        "1\ufe0f\u20e3",
        r"\p{Emoji_Modifier_Base}\p{Emoji_Modifier}",
        r"\p{Regional_Indicator}{2}",
        "\U0001f3f4[\U000e0061-\U000e007a]+\U000e007f",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
        "\U0001f3f3\ufe0f\u200d\U0001f308",
    ):
        assert regex.search(sequence, EVERYTHING), sequence


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
def test_every_normal_form_has_texts_in_it_that_other_forms_change(form):
    texts = [piece.text for piece in PIECES if piece.kind == f"normal form {form}"]
    assert any(unicodedata.is_normalized(form, it) for it in texts)
    other = "NFD" if form.endswith("C") else "NFC"
    assert any(unicodedata.normalize(other, it) != it for it in texts)


def test_planes_noncharacters_and_directions_are_there_and_nothing_that_is_no_text():
    assert {ord(it) >> 16 for it in EVERYTHING} == {*range(17)}
    assert {*"\ufdd0\ufffe\U0010ffff\u202e\u2067\u200f"} <= {*EVERYTHING}
    assert "\0" not in EVERYTHING
    EVERYTHING.encode()
