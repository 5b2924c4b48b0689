import unicodedata

import pytest

from harness.errors import RequestError
from harness.parity import CHATS, TEXTS, AddedToken, Cause, cause, or_none, typed

PLAIN = (AddedToken("<|end|>"),)
GREEDY = (AddedToken("<|end|>", lstrip=True), AddedToken("<s>", rstrip=True))


def encode(text):
    return list(text.encode())


def explained(text, as_seen, added=PLAIN):
    return cause(text, encode(as_seen), encode, added)


def test_equal_ids_need_no_explanation():
    assert explained("a <|end|> b", "a <|end|> b") is None
    assert cause(None, None, encode, PLAIN) is None


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("accents taken apart", "NFC"),
        ("Korean letters taken apart", "NFC"),
        ("ligatures and wide letters", "NFKC"),
    ],
)
def test_characters_that_were_brought_into_one_form_are_the_normalizers(name, form):
    text = TEXTS[name]
    assert explained(text, unicodedata.normalize(form, text)) is Cause.NORMALIZER


@pytest.mark.parametrize(
    ("text", "as_seen"),
    [
        ("a \n<|end|> b", "a<|end|> b"),
        ("<s> \n a <|end|>", "<s>a<|end|>"),
        ("<s>  a<s>", "<s>a<s>"),
    ],
)
def test_white_space_that_a_token_took_along_is_a_strip(text, as_seen):
    assert explained(text, as_seen, GREEDY) is Cause.STRIP


@pytest.mark.parametrize("as_seen", ["a<|end|> b", "a <|end|>b", "a b", ""])
def test_white_space_that_no_token_takes_along_is_unexplained(as_seen):
    assert explained("a <|end|> b", as_seen) is Cause.UNKNOWN


def test_both_habits_at_once_are_the_normalizers():
    assert explained("e\u0301 <|end|>", "\u00e9<|end|>", GREEDY) is Cause.NORMALIZER


@pytest.mark.parametrize(("text", "source"), [(None, [1]), ("a", None), ("a", [98])])
def test_what_one_side_refuses_or_reads_otherwise_is_unexplained(text, source):
    assert cause(text, source, encode, PLAIN) is Cause.UNKNOWN


def test_a_refusal_is_none():
    def refuse():
        raise RequestError("no such role")

    assert or_none(refuse) is None
    assert or_none(lambda: [1]) == [1]


def test_users_type_some_of_the_special_tokens():
    texts = typed([AddedToken(f"<{n}>") for n in range(20)])
    assert len(texts) == 8
    assert texts["<0> typed"] == "What is <0> here?"


def test_texts_hold_what_their_names_say():
    apart = TEXTS["accents taken apart"]
    assert apart == unicodedata.normalize("NFD", apart) != TEXTS["accents in one piece"]
    assert unicodedata.normalize("NFC", apart) == TEXTS["accents in one piece"]
    assert "\u200d" in TEXTS["emoji with joiners"]
    assert "\0" not in "".join(TEXTS.values())
    assert all(chat[-1][0] == "user" for chat in CHATS.values())
    scripts = {
        unicodedata.name(it).split()[0] for text in TEXTS.values() for it in text if it.isalpha()
    }
    assert {"LATIN", "CYRILLIC", "ARABIC", "HEBREW", "CJK", "THAI", "DEVANAGARI"} <= scripts


def merged(text):
    """Ids of a tokenizer that takes a space and what is no letter or digit after it together."""
    found, at = [], 0
    while at < len(text):
        size = 2 if text[at] == " " and not text[at + 1 : at + 2].isascii() else 1
        found.append(hash(text[at : at + size]))
        at += size
    return found


def test_bytes_without_a_token_that_the_source_leaves_out_are_a_habit_of_the_engine():
    assert cause("a\x16b", [1, 2], lambda text: [1, -1, 2], PLAIN) is Cause.BYTES
    assert cause("a\x16b", [1, 3], lambda text: [1, -1, 2], PLAIN) is Cause.UNKNOWN


def test_numerals_that_the_source_splits_off_are_a_habit_of_the_engine():
    text, pieces = "a \u00bd and \u0663\u0664", ["a ", "\u00bd", " and ", "\u0663", "\u0664"]
    source = [token for piece in pieces for token in merged(piece)]
    assert merged(text) != source
    assert cause(text, source, merged, PLAIN) is Cause.NUMERALS
    assert cause(text, source[:-1], merged, PLAIN) is Cause.UNKNOWN


def test_what_begins_every_text_begins_it_once_in_pieces_too():
    def begun(text):
        return [1, *merged(text)]

    source = [1, *merged("a "), *merged("\u00bd")]
    assert cause("a \u00bd", source, begun, PLAIN) is Cause.NUMERALS
