import math

import pytest

from harness.asking import Normalize
from harness.errors import ConfigError
from harness.item import Item, Scorer
from harness.metrics.scorers.choice import behind, choice, likeliest, require_choices
from harness.reply import Reply


def item(*choices, expected="LIS", normalize=Normalize.BYTE):
    return Item(
        "a",
        (("user", "?"),),
        expected,
        scorer=Scorer.CHOICE,
        choices=choices,
        normalize=normalize,
    )


def test_a_long_choice_is_not_unlikely_because_it_is_long():
    offered = item("LIS", "the airport of Porto", expected="the airport of Porto")
    assert choice(offered, Reply(likelihoods=(-3.0, -10.0))).score == 1.0


def test_a_letter_beyond_ascii_counts_with_all_its_bytes():
    reply = Reply(likelihoods=(-3.0, -5.5))
    assert likeliest(item("LIS", "京都"), reply) == "京都"
    assert likeliest(item("LIS", "京都", normalize=Normalize.CHARACTER), reply) == "LIS"


@pytest.mark.parametrize(
    ("normalize", "chosen"),
    [
        (Normalize.BYTE, "Lisbon, P."),
        (Normalize.CHARACTER, "Lisbon, P."),
        (Normalize.TOKEN, "Porto"),
        (Normalize.NONE, "LIS"),
    ],
)
def test_choices_are_compared_per_byte_per_token_or_as_wholes(normalize, chosen):
    offered = item("LIS", "Porto", "Lisbon, P.", normalize=normalize)
    reply = Reply(likelihoods=(-3.0, -3.9, -6.0), choice_tokens=(1, 3, 3))
    assert likeliest(offered, reply) == chosen


def test_how_far_behind_a_choice_is_goes_by_the_same_comparison():
    others = (-4.0, -2.0)
    reply = Reply(likelihoods=(-1.0, -5.0), choice_tokens=(2, 4))
    for normalize, nats in ((Normalize.BYTE, 3.4), (Normalize.TOKEN, 3.0), (Normalize.NONE, 2.0)):
        found = behind(item("LIS", "Lisboa, PT", normalize=normalize), reply, others)
        assert found == pytest.approx(nats)


@pytest.mark.parametrize("likelihoods", [(-1.0, -1.0), (-math.inf, -math.inf)])
def test_a_draw_is_wrong(likelihoods):
    assert choice(item("LIS", "OPO"), Reply(likelihoods=likelihoods)).score == 0.0


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        (("LIS",), "two texts or more"),
        (("LIS", "OPO", "OPO"), "all different"),
        (("LIS", " "), "must not be empty"),
        (("OPO", "FAO"), "expected must be one of choices: found 'LIS'"),
    ],
)
def test_what_leaves_no_choice_is_refused(choices, message):
    with pytest.raises(ConfigError, match=message):
        require_choices(item(*choices))
