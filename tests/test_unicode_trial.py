from contextlib import contextmanager

import pytest

from harness.answer import Request
from harness.ordeal import Ordeal
from harness.probes.tokenizer import Tokenizer
from harness.runtimes.isolated import Isolated
from harness.unicode_texts import pieces_of_unicode
from harness.unicode_trial import broken_texts

NORMAL = Request(messages=(("user", "Where is Rome?"),), max_new_tokens=8, fresh=False)
GROUPS = pieces_of_unicode()


@contextmanager
def ordeal(directory, runtime, round_trip=None):
    tokenizer = Tokenizer({}, round_trip=round_trip)
    with Isolated(runtime, directory, patience=60.0, label="int4") as process:
        yield Ordeal(process, NORMAL, tokenizer)


def broken(directory, runtime, *groups, round_trip=None):
    some = {name: GROUPS[name] for name in groups or GROUPS}
    with ordeal(directory, runtime, round_trip) as it:
        found = broken_texts(it, some)
    return {kind: problem for kind, problem in found.items() if problem}


def test_a_sound_runtime_bears_every_text(tmp_path):
    assert broken(tmp_path, "harness.runtimes.scripted:Scripted", round_trip=str) == {}


@pytest.mark.parametrize(
    ("runtime", "group", "kind", "culprit"),
    [
        ("DiesOfUnicorns", "single emoji", "single emoji", "U+1F984"),
        ("DiesOfTibetan", "scripts", "script Tibetan", ""),
        ("DiesOfGothic", "scripts", "script Gothic", ""),
        ("DiesOfFamilies", "emoji ZWJ sequences", "emoji ZWJ sequence: family", "U+200D U+1F467"),
        ("DiesOfJoiners", "emoji ZWJ sequences", "emoji ZWJ sequence: role", "U+1F469 U+200D"),
        ("DiesOfThreeMarks", "normal forms", "normal form NFD", ""),
        (
            "DiesOfThreeMarks",
            "combining marks",
            "stack of 1 combining marks with stack of 2 combining marks",
            "",
        ),
        ("DiesOfEightMarks", "combining marks", "stack of 8 combining marks", ""),
    ],
)
def test_what_kills_the_process_is_named_by_its_kind_and_code_points(
    tmp_path, runtime, group, kind, culprit
):
    found = broken(tmp_path, f"tests.odd_runtimes:{runtime}", group)
    assert [*found] == [kind]
    assert found[kind].startswith("U+")
    assert culprit in found[kind]
    assert "the process died of SIGABRT (abort)" in found[kind]
    assert len(found[kind].partition(":")[0].split()) <= 11


def test_a_text_that_is_refused_or_spoils_what_comes_after_it_is_found(tmp_path):
    found = broken(tmp_path, "tests.odd_runtimes:RefusesFlags", "emoji sequences", "planes")
    assert [*found] == ["flag sequence"]
    assert "it was refused (int4: ValueError: no such character)" in found["flag sequence"]
    found = broken(tmp_path, "tests.odd_runtimes:SpoiledByTags", "directions", "emoji sequences")
    assert "a normal request after it gave" in found.popitem()[1]


def test_a_text_that_is_lost_between_encoding_and_decoding_is_found_where_it_is_stated(tmp_path):
    runtime, group = "tests.odd_runtimes:LosesSelectors", "variation selectors"
    assert (
        "encoded and decoded it is"
        in broken(tmp_path, runtime, group, round_trip=str)["variation selector"]
    )
    assert broken(tmp_path, runtime, group) == {}
    assert broken(tmp_path, runtime, group, round_trip=lambda text: text + " ") == {}


def test_the_engine_bears_every_text(embedded):
    from harness.probes.tokenizer import read_tokenizer

    with Isolated("harness.runtimes.ort_genai:OrtGenAI", embedded["int4"]) as process:
        it = Ordeal(process, NORMAL, read_tokenizer(embedded["int4"]))
        assert it.tokenizer.round_trip is not None
        assert {*broken_texts(it, GROUPS).values()} == {""}


def test_another_date_in_the_prompt_is_no_problem_of_a_text(tmp_path):
    day, directory = tmp_path / "day", tmp_path / "int4"
    directory.mkdir()
    day.write_text("Monday")
    with ordeal(directory, "tests.odd_runtimes:Dated") as it:
        day.write_text("Tuesday")
        assert set(broken_texts(it, {"scripts": GROUPS["scripts"][:2]}).values()) == {""}
