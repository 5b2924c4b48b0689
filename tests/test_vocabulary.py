from contextlib import contextmanager

import numpy as np
import pytest

from harness.answer import Request
from harness.ordeal import Ordeal
from harness.probes.tokenizer import Tokenizer
from harness.runtimes.isolated import Isolated
from harness.vocabulary import PIECE, broken_pieces, chosen_ids, pieces
from tests.odd_runtimes import BAD_ID


@contextmanager
def ordeal(directory, runtime):
    with Isolated(runtime, directory, patience=60.0) as process:
        yield Ordeal(process, Request(text="Rome?", fresh=False), Tokenizer({}))


@pytest.mark.parametrize(("count", "context"), [(1, 10), (600, 4096), (600, 64), (3, 1)])
def test_pieces_hold_every_id_once_and_fit_the_context(count, context):
    found = pieces(range(count), context)
    assert [token for piece in found for token in piece] == list(range(count))
    assert max(map(len, found)) <= max(1, min(PIECE, context // 2))


@pytest.mark.parametrize("count", [0, 3000, 5000])
def test_all_of_a_vocabulary_is_tried_that_is_no_larger(count):
    assert chosen_ids(3000, count, (), np.random.default_rng(0)) == list(range(3000))


def test_of_a_larger_vocabulary_the_ends_and_what_is_special_are_always_tried():
    drawn = [chosen_ids(9000, 2000, (4500, 9999), np.random.default_rng(n)) for n in (1, 2)]
    for ids in drawn:
        assert ids == sorted(set(ids))
        assert len(ids) == 2000
        assert {*range(256), *range(8744, 9000), 4500} <= set(ids)
    shared = len(set(drawn[0]) & set(drawn[1])) - 513
    assert 200 < shared < 320  # of 1,487 drawn from 8,487 each time


def test_a_sound_vocabulary_has_no_broken_piece(tmp_path):
    with ordeal(tmp_path, "harness.runtimes.scripted:Scripted") as it:
        found = broken_pieces(it, pieces(range(256), 512))
    assert list(found.values()) == [""]


def test_what_fails_is_narrowed_down_to_the_id(tmp_path):
    with ordeal(tmp_path, "tests.odd_runtimes:BadToken") as it:
        found = broken_pieces(it, pieces(range(256), 128))
    failed = {name: problem for name, problem in found.items() if problem}
    assert failed == {f"id {BAD_ID}": "1 steps without finite logits"}
    assert len(found) == 4


def test_what_fails_without_any_odd_id_is_said_of_every_prompt(tmp_path):
    with ordeal(tmp_path, "tests.odd_runtimes:BadEverywhere") as it:
        found = broken_pieces(it, pieces(range(256), 512))
    assert found == {"every prompt": "1 steps without finite logits"}
