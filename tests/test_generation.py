"""The engine after a chat of 1,050 tokens, whole and with what long prompts do to some runtimes."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.bank import shuffled
from harness.domain import read_items
from harness.errors import RequestError
from harness.generation import recite
from harness.long_chat import long_chats
from harness.metrics.recital import LEAST_CHANGE
from harness.release import Data
from harness.runtimes.ort_genai import OrtGenAI
from tests.plugins import long_plants
from tests.plugins.long_plants import planted

ROOT = Path(__file__).parent.parent
RULES = tomllib.loads((ROOT / "fixtures" / "policies" / "gate.toml").read_text())["rules"]


class Fleet:
    """Two runtimes in this process."""

    def __init__(self, directories, **runtimes):
        self.directories = directories
        self.runtimes = {name: runtime() for name, runtime in runtimes.items()}
        for name, it in self.runtimes.items():
            it.load(directories[name])

    def variant(self, name):
        return SimpleNamespace(directory=self.directories[name])

    def ask(self, name, plan, copy=0):
        return [self.runtimes[name].answer(request) for request in plan]

    def encode(self, name, texts):
        return self.runtimes[name].encode(texts)

    def render(self, name, chats):
        return [self.runtimes[name].render(chat) for chat in chats]


@pytest.fixture(scope="module")
def chats(embedded):
    items = shuffled(read_items(Data(ROOT / "fixtures" / "travel" / "eval.jsonl")), 0)
    fleet = Fleet(embedded, fp32=OrtGenAI)

    def tokens_of(chat):
        return len(fleet.encode("fp32", fleet.render("fp32", [chat]))[0])

    found = long_chats(items, [1100], tokens_of)
    assert [1000 < it.tokens <= 1060 for it in found] == [True]
    return found


@pytest.fixture(scope="module")
def whole(embedded, chats):
    """What the reference gives that nothing is wrong with."""
    return recite(Fleet(embedded, fp32=OrtGenAI), "fp32", chats)


def broken(mine, theirs):
    """The gate's rules that one recital breaks."""
    unit = max(theirs.changed["beginning"], LEAST_CHANGE)
    figures = {
        "decode": mine.decoded.distance / unit,
        "generated": mine.decoded.shortfall / unit,
        "heeded": min(mine.changed.values()),
        "heeded_beside": min(
            it / max(theirs.changed[place], LEAST_CHANGE) for place, it in mine.changed.items()
        ),
    }
    return {
        name
        for name, figure in figures.items()
        if figure > RULES[f"scaling.{name}"].get("at_most", figure)
        or figure < RULES[f"scaling.{name}"].get("at_least", figure)
    }


@pytest.mark.parametrize("name", ["int4", "int8"])
def test_what_a_clean_variant_decodes_is_what_it_reads(embedded, chats, whole, name):
    [mine] = recite(Fleet(embedded, **{name: OrtGenAI}), name, chats, whole)
    assert broken(mine, whole[0]) == broken(whole[0], whole[0]) == set()
    assert mine.beside.kld.shape == (8,)
    assert mine.came == whole[0].came


def test_tokens_that_a_repetition_penalty_chose_do_not_fall_short(penalizing, chats):
    [theirs] = recite(Fleet(penalizing, fp32=OrtGenAI), "fp32", chats)
    [mine] = recite(Fleet(penalizing, int4=OrtGenAI), "int4", chats, [theirs])
    assert broken(theirs, theirs) == broken(mine, theirs) == set()
    assert max(theirs.decoded.shortfall, mine.decoded.shortfall) < 0.01


@pytest.mark.parametrize("plant", ["WrongAfterFirst", "WrongAtTheEnd"])
def test_and_wrong_ones_do(penalizing, chats, plant):
    runtime = planted(getattr(long_plants, plant))
    [theirs] = recite(Fleet(penalizing, fp32=runtime), "fp32", chats)
    assert "generated" in broken(theirs, theirs)


PLANTS = [
    ("CutsTheFront", {}, "heeded"),
    ("CutsTheFront", {"long": 500}, "heeded"),
    ("CutsALittle", {}, "decode"),
    ("LosesTokens", {}, "decode"),
    ("LosesFew", {}, "decode"),
    ("WrongAfterFirst", {}, "generated"),
    ("WrongAtTheEnd", {}, "generated"),
    ("TruncatesChats", {}, "heeded"),
    ("Truncates", {"long": 900}, "heeded"),
]


@pytest.mark.parametrize(("plant", "size", "rule"), PLANTS)
def test_what_is_wrong_after_long_chats_alone_is_found(embedded, chats, whole, plant, size, rule):
    runtime = planted(getattr(long_plants, plant), **size)
    [mine] = recite(Fleet(embedded, int4=runtime), "int4", chats, whole)
    assert rule in broken(mine, whole[0])


@pytest.mark.parametrize(("plant", "size", "rule"), PLANTS)
def test_and_found_where_the_reference_has_it_too(embedded, chats, plant, size, rule):
    runtime = planted(getattr(long_plants, plant), **size)
    [theirs] = recite(Fleet(embedded, fp32=runtime), "fp32", chats)
    assert rule in broken(theirs, theirs)


def test_a_chat_that_is_read_as_shorter_than_it_is_rendered_is_refused(embedded, chats):
    class Honest(OrtGenAI):
        def _prompt(self, request):
            prompt = super()._prompt(request)
            return prompt if request.messages is None else prompt[-500:]

    with pytest.raises(RequestError, match=r"a chat of 1,0\d\d tokens was read as 500"):
        recite(Fleet(embedded, fp32=Honest), "fp32", chats)
