import pytest

from harness.answer import Answer
from harness.item import Item
from harness.metrics.scorers import text as scorers
from harness.reply import Reply


def scored(scorer, expected, text):
    return scorer(Item("a", (("user", "?"),), expected), Reply(Answer(text=text))).score


@pytest.mark.parametrize(
    ("scorer", "expected", "text", "score"),
    [
        (scorers.exact, "LIS", " LIS\n", 1.0),
        (scorers.exact, "LIS", "LIS.", 0.0),
        (scorers.normalized, "Café Royal", "cafe\u0301, ROYAL!", 1.0),
        (scorers.normalized, "Café", "Cafe", 0.0),
        (scorers.contains, "straße", "Die STRASSE dort", 1.0),
    ],
)
def test_texts_are_the_same_but_for_what_does_not_matter(scorer, expected, text, score):
    assert scored(scorer, expected, text) == score


def test_rouge_l_is_that_of_its_paper():
    # Lin 2004, section 3.1: of "police killed the gunman" both sentences share two unigrams with
    # "the gunman kill police" as a subsequence, three with "police kill the gunman".
    reference = "police killed the gunman"
    assert scored(scorers.rouge_l, reference, "police kill the gunman") == 0.75
    assert scored(scorers.rouge_l, reference, "the gunman kill police") == 0.5


def test_words_of_every_script_count():
    assert scored(scorers.rouge_l, "Красная площадь", "красная площадь!") == 1.0
    assert scored(scorers.rouge_l, "東京", "大阪") == 0.0


@pytest.mark.parametrize(
    ("text", "precision", "recall"),
    [
        ("castle", 1.0, 1.0),
        ("castles", (6 / 7 + 5 / 6 + 4 / 5 + 3 / 4 + 2 / 3 + 1 / 2) / 6, 1.0),
        ("cast", 1.0, (4 / 6 + 3 / 5 + 2 / 4 + 1 / 3) / 4),
    ],
)
def test_chrf_is_f2_of_the_mean_shares_of_letters_in_common(text, precision, recall):
    by_hand = 5 * precision * recall / (4 * precision + recall)
    assert scored(scorers.chrf, "castle", text) == pytest.approx(by_hand)
