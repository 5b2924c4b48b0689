import numpy as np
import pytest

from harness.stats import slices

SEED = 20261121
RUNS = 2000
SLICES = 20
CHURN = 0.04


def counted(random, items, loss, runs=RUNS):
    """Losses and gains of slices that all churn alike; the first one loses more."""
    lose = np.full(SLICES, CHURN / 2)
    lose[0] += loss
    losses = random.binomial(items, lose, (runs, SLICES))
    gains = random.binomial(items - losses, CHURN / 2 / (1 - lose))
    return np.full((runs, SLICES), items), losses, gains


@pytest.mark.parametrize(("items", "power"), [(25, 0.39), (50, 0.80), (100, 0.99)])
def test_the_screen_has_the_power_and_the_false_alarms_it_was_designed_for(items, power):
    random = np.random.default_rng(SEED)
    equal = slices.flags(*counted(random, items, 0.0))
    assert equal.any(-1).mean() < 0.035
    worse = slices.flags(*counted(random, items, 0.15))
    assert worse[:, 0].mean() == pytest.approx(power, abs=0.04)


def asked_again(random, items, loss):
    """Flags after as many fresh items of each suspect."""
    first, second = counted(random, items, loss), counted(random, items, loss)
    suspect = (slices.p_values(*first[:2]) < 0.10) & (first[1] > first[2])
    pooled = [one + np.where(suspect, other, 0) for one, other in zip(first, second, strict=True)]
    return slices.flags(*pooled)


@pytest.mark.parametrize(("items", "power"), [(25, 0.72), (37, 0.90), (50, 0.97)])
def test_fresh_items_of_suspects_find_more_with_no_more_false_alarms(items, power):
    random = np.random.default_rng(SEED)
    assert asked_again(random, items, 0.0).any(-1).mean() < 0.03
    assert asked_again(random, items, 0.15)[:, 0].mean() > power


def of(*, lost=0, won=0, half=0, same=0):
    return [-1.0] * lost + [1.0] * won + [-0.4] * half + [0.0] * same


def screened(**parts):
    differences = [value for values in parts.values() for value in values]
    labels = [name for name, values in parts.items() for _ in values]
    return {it.name: it for it in slices.screen(differences, labels)}


def test_a_slice_that_lost_is_counted_beside_the_others():
    found = screened(a=of(lost=9, won=1, same=40), b=of(lost=2, won=2, same=196))
    it = found["a"]
    assert (it.items, it.losses, it.gains, it.other_items, it.other_losses) == (50, 9, 1, 200, 2)
    assert (it.flagged, it.is_suspect) == (True, True)
    assert (found["b"].flagged, found["b"].is_suspect) == (False, False)


def test_a_slice_that_merely_changes_more_is_not_flagged():
    found = screened(a=of(lost=9, won=8, same=33), b=of(lost=2, won=2, same=196))
    assert found["a"].p_value < 0.001
    assert not found["a"].flagged


def test_a_change_of_less_than_half_a_score_is_a_loss_too():
    found = screened(a=of(half=50), b=of(same=200))
    assert found["a"].losses == 50
    assert found["a"].mean_gain == pytest.approx(-0.4)
    assert found["b"].losses == found["b"].gains == 0


def test_without_any_change_nothing_is_suspected():
    for parts in ({"all": of(same=300)}, {"a": of(same=1), "b": of(same=99)}):
        assert not any(it.flagged or it.is_suspect for it in screened(**parts).values())


def test_the_worst_is_the_flagged_one_however_few_its_items():
    found = screened(a=of(lost=9, same=11), b=of(lost=12, won=12, same=20), c=of(same=300))
    assert slices.worst(tuple(found.values())).name == "a"
