from contextlib import contextmanager
from dataclasses import replace

import pytest

from harness.answer import Request, Sampling
from harness.errors import RequestError
from harness.metrics.edge_cases import Expected
from harness.ordeal import Ordeal
from harness.patience import Patience
from harness.probes.tokenizer import Tokenizer
from harness.runtimes.isolated import Isolated
from tests.conftest import PENALTY

NORMAL = Request(messages=(("user", "Where is Rome?"),), max_new_tokens=8, fresh=False)


def chat(text, **options):
    return Request(messages=(("user", text),), max_new_tokens=6, **options)


@contextmanager
def ordeal(
    directory,
    runtime="harness.runtimes.scripted:Scripted",
    stated=None,
    forms=(),
    deadline_seconds=60.0,
):
    tokenizer = Tokenizer({}, forms, stated)
    with Isolated(runtime, directory, patience=60.0, label="int4") as process:
        process.ready()
        process._patience = Patience(deadline_seconds)
        yield Ordeal(process, NORMAL, tokenizer)


def odd(name):
    return f"tests.odd_runtimes:{name}"


def test_a_sound_runtime_has_no_problem_with_anything(tmp_path):
    requests = {
        "text": (chat("Zürich"), Expected.ANSWER),
        "nothing": (Request(token_ids=()), Expected.ERROR),
        "half a character": (chat("\ud83d"), Expected.ERROR),
        "too long": (Request(token_ids=(5,) * 600), Expected.ERROR),
        "cancelled": (chat("a", cancel_after=2), Expected.ANSWER),
        "sampled": (chat("a", sampling=Sampling(temperature=0.5)), Expected.ANSWER),
        "no chat": (Request(messages=()), Expected.EITHER),
    }
    with ordeal(tmp_path) as it:
        assert {name: it.problem(*case) for name, case in requests.items()} == dict.fromkeys(
            requests, ""
        )


def test_a_crash_is_a_problem_of_the_request_that_was_asked_alone(tmp_path):
    with ordeal(tmp_path, odd("DiesOfZ")) as it:
        found = [it.problem(chat(text), Expected.ANSWER) for text in ("a", "Z", "b")]
    assert found[0] == found[2] == ""
    assert found[1].startswith("the process died of SIGSEGV (segmentation fault) at request 1 of 3")


@pytest.mark.parametrize(
    ("runtime", "text", "problem"),
    [
        ("SpoiledByZ", "Z", "a normal request after it gave"),
        ("AddsToPromptsAfterZ", "Z", "a normal request after it gave"),
        ("CutsAtNul", "a\0b", ""),  # a rule of its own
        ("Fickle", "a", "asked again it said"),
        ("BadEverywhere", "a", "1 steps without finite logits"),
    ],
)
def test_a_broken_promise_is_a_clause(tmp_path, runtime, text, problem):
    with ordeal(tmp_path, odd(runtime)) as it:
        assert it.problem(chat(text), Expected.ANSWER).startswith(problem)


def test_another_date_in_the_prompt_is_no_problem_of_any_request(tmp_path):
    day, directory = tmp_path / "day", tmp_path / "int4"
    directory.mkdir()
    day.write_text("Monday")
    with ordeal(directory, odd("Dated")) as it:
        before = it.before
        assert it.problem(chat("a"), Expected.ANSWER) == ""
        assert it.before is before
        day.write_text("Tuesday")
        assert it.problem(chat("a"), Expected.ANSWER) == ""
        assert it.before.text != before.text


def test_a_variant_that_hangs_again_and_again_is_not_waited_for_for_ever(tmp_path):
    with ordeal(tmp_path, odd("HangsAtZ"), deadline_seconds=0.4) as it:
        found = [it.problem(chat("Z"), Expected.ANSWER) for _ in range(4)]
        assert found[2].startswith("no progress within 0.4 s at request 1 of 3")
        assert found[3] == "it was not tried after 3 that had no end"


def test_a_prompt_that_is_cut_is_seen_by_what_is_added_to_it(tmp_path):
    with ordeal(tmp_path, odd("CutsAtNul")) as it:
        typed = it.problem(chat("typed \\u0000 out"), Expected.ANSWER)
    assert typed == "what is added to the prompt's end changes nothing: it is cut"


def test_the_prompt_is_held_against_what_tokenizer_json_states(tmp_path):
    def stated(text):
        return (*text.encode(), 0)

    with ordeal(tmp_path, stated=stated, forms=("NFC",)) as it:
        assert "tokenizer.json states 15" in it.problem(chat("a"), Expected.ANSWER)
        assert it.problem(chat("e\u0301"), Expected.ANSWER) == ""  # not in NFC: a rule of its own


def test_a_variant_that_refuses_even_a_normal_request_is_tried_no_further(tmp_path):
    with (
        pytest.raises(RequestError, match="a normal request was refused: no"),
        ordeal(tmp_path, "tests.suites.silent:Refusing"),
    ):
        pass


def test_two_answers_tie_where_both_tokens_are_about_equally_likely(embedded):
    directory = embedded["int4"]
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", directory) as process:
        it = Ordeal(process, NORMAL, Tokenizer({}))
        [answer] = it.run([NORMAL])
        assert not it.is_tie(answer, answer)
        assert not it.is_tie(answer, replace(answer, token_ids=(9, 9)))
        assert not it.is_tie(answer, replace(answer, prompt_ids=(1,), token_ids=(9, 9)))
        assert it.is_tie(answer, replace(answer, token_ids=answer.token_ids[:-1]))
        assert not it.is_tie(answer, replace(answer, token_ids=(*answer.token_ids, 9)))


def test_two_answers_tie_under_the_repetition_penalty(penalizing):
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", penalizing["int4"]) as process:
        ordeals = [Ordeal(process, NORMAL, Tokenizer({}), it) for it in (PENALTY, 1.0)]
        [answer] = process.run([NORMAL])
        tokens = answer.token_ids
        cut = [replace(answer, token_ids=tokens[:at]) for at in range(len(tokens))]
        assert all(ordeals[0].is_tie(answer, other) for other in cut)
        assert not all(ordeals[1].is_tie(answer, other) for other in cut)
