"""What holds for every runtime, in this process and in a child."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from harness.answer import Answer, Finish, Messages, Request, Sampling
from harness.errors import LoadError
from harness.metrics.likelihood import log_softmax
from harness.runtimes.factory import make_runtime
from harness.runtimes.isolated import Isolated

SCRIPTED = "harness.runtimes.scripted:Scripted"
ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
SOURCE = "harness.runtimes.transformers:Transformers"
CHECKPOINT = Path(__file__).parents[2] / "fixtures" / "travel" / "model"
CHAT: Messages = (("system", "Be brief."), ("user", "Where is Zürich?"))


@dataclass(frozen=True)
class Subject:
    run: Callable[[Sequence[Request]], list[Answer]]
    encode: Callable[[Sequence[str]], list[list[int]]]
    render: Callable[[Messages], str]
    decode: Callable[[Sequence[Sequence[int]]], list[str]]

    def ask(self, **request: object) -> Answer:
        [answer] = self.run([Request(**request)])
        return answer


def in_process(factory: str, directory: Path) -> Iterator[Subject]:
    runtime = make_runtime(factory)
    runtime.load(directory)
    yield Subject(
        lambda plan: [runtime.answer(request) for request in plan],
        runtime.encode,
        runtime.render,
        runtime.decode,
    )
    runtime.close()


def isolated(factory: str, directory: Path) -> Iterator[Subject]:
    with Isolated(factory, directory) as runtime:
        yield Subject(
            runtime.run, runtime.encode, lambda chat: runtime.render([chat])[0], runtime.decode
        )


NEEDED = {SCRIPTED: "harness", ENGINE: "onnxruntime_genai", SOURCE: "transformers"}
"""Each runtime's factory, and the package that it cannot do without."""

PLACES = {"here": in_process, "isolated": isolated}
SEATS = [
    (factory, place)
    for factory in NEEDED
    for place in PLACES
    if (factory, place) != (SOURCE, "here")  # slow to load, and never used so
]


def name_of(factory: object) -> str:
    return str(factory).partition(":")[0].rpartition(".")[2]


def directory_of(factory: str, request: pytest.FixtureRequest) -> Path:
    pytest.importorskip(NEEDED[factory])
    if factory == SOURCE:
        return CHECKPOINT
    if factory == ENGINE:
        return Path(request.getfixturevalue("embedded")["int4"])
    made: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    return made.mktemp("variant")


@pytest.fixture(params=NEEDED, ids=name_of, scope="module")
def factory(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def directory(request: pytest.FixtureRequest, factory: str) -> Path:
    return directory_of(factory, request)


@pytest.fixture(params=SEATS, ids=[f"{name_of(it)}-{place}" for it, place in SEATS], scope="module")
def subject(request: pytest.FixtureRequest) -> Iterator[Subject]:
    factory, place = request.param
    yield from PLACES[place](factory, directory_of(factory, request))


@pytest.fixture(scope="module")
def full(subject: Subject) -> int:
    """Tokens of the longest prompt that scores, by bisection: a runtime does not tell."""
    low, high = 1, 100_000
    while high - low > 1:
        middle = math.isqrt(low * high) if high > 2 * low else (low + high) // 2
        answer = subject.ask(token_ids=(5,) * middle, score_from=middle)
        low, high = (middle, high) if answer.finish == Finish.SCORED else (low, middle)
    return low


def test_equal_requests_get_equal_answers(subject: Subject) -> None:
    one, other = subject.run([Request(text="A hotel in Rome", max_new_tokens=12)] * 2)
    assert one.token_ids
    assert (one.token_ids, one.text, one.finish) == (other.token_ids, other.text, other.finish)


def test_a_kept_generator_gives_the_tokens_of_a_fresh_one(subject: Subject) -> None:
    prompts = ("A hotel in Rome", "Zug", "A hotel in Rome", "a " * 40)
    fresh = subject.run([Request(text=text, max_new_tokens=12) for text in prompts])
    kept = subject.run([Request(text=text, max_new_tokens=12, fresh=False) for text in prompts])
    assert [answer.token_ids for answer in fresh] == [answer.token_ids for answer in kept]


TURNS: tuple[Messages, ...] = (
    (("user", "Hi"),),
    (("user", "Hi"), ("assistant", "Hello."), ("user", "A hotel in Zürich")),
    (("user", "Hi"), ("assistant", "Hello."), ("user", "A hotel in Rome")),
    (("user", "Hi"),),
    (("user", "Hi"),),
    (("user", "No"), ("assistant", "Hello."), ("user", "A hotel in Rome")),
)


@pytest.mark.parametrize("cancel_after", [None, 2])
def test_a_kept_prefix_gives_the_tokens_of_a_fresh_chat(
    subject: Subject, cancel_after: int | None
) -> None:
    fresh = subject.run([Request(messages=chat, max_new_tokens=12) for chat in TURNS])
    kept = subject.run([kept_chat(chat, cancel_after) for chat in TURNS])
    assert [it.prompt_ids for it in kept] == [it.prompt_ids for it in fresh]
    assert [it.token_ids for it in kept] == [it.token_ids[:cancel_after] for it in fresh]


def test_a_chat_goes_on_where_an_answer_was_cut(subject: Subject) -> None:
    kept: Messages = ()
    for text in ("", "🇯🇵{{ messages }}Þ®þ", "", "Zug", "?"):
        kept = (*kept, ("user", text))
        request = Request(messages=kept, max_new_tokens=8, fresh=False, keep_prefix=True)
        went_on, anew = subject.run([request, replace(request, fresh=True, keep_prefix=False)])
        assert went_on.token_ids == anew.token_ids
        kept = (*kept, ("assistant", went_on.text))


def kept_chat(chat: Messages, cancel_after: int | None) -> Request:
    return Request(
        messages=chat, max_new_tokens=12, fresh=False, keep_prefix=True, cancel_after=cancel_after
    )


def test_a_chat_goes_on_after_a_refused_turn(subject: Subject) -> None:
    refused = Request(token_ids=(5,) * 100_000, fresh=False, keep_prefix=True)
    chat = kept_chat(TURNS[1], None)
    before, error, after = subject.run([chat, refused, chat])
    assert error.finish == Finish.ERROR
    assert before.token_ids == after.token_ids


@pytest.mark.parametrize("fresh", [True, False])
def test_a_cancelled_answer_is_the_beginning_of_the_whole_and_leaves_nothing(
    subject: Subject, fresh: bool
) -> None:
    whole = Request(text="A hotel in Rome", max_new_tokens=8, stop_at_end=False, fresh=fresh)
    before, cancelled, after = subject.run([whole, replace(whole, cancel_after=3), whole])
    assert (cancelled.finish, cancelled.token_ids) == (Finish.CANCELLED, before.token_ids[:3])
    assert len(cancelled.token_ns) == 3
    assert (after.token_ids, after.finish) == (before.token_ids, Finish.LENGTH)


def test_what_ends_sooner_is_not_cancelled(subject: Subject) -> None:
    asked = {"text": "A hotel in Rome", "stop_at_end": False}
    answer = subject.ask(**asked, max_new_tokens=3, cancel_after=3)
    assert (answer.finish, len(answer.token_ids)) == (Finish.LENGTH, 3)
    assert subject.ask(**asked, max_new_tokens=2, cancel_after=3).finish == Finish.LENGTH


@pytest.mark.parametrize("stop", [True, False])
def test_to_watch_changes_no_token(subject: Subject, stop: bool) -> None:
    request = Request(messages=CHAT, max_new_tokens=60, stop_at_end=stop)
    [free, watched] = subject.run([request, replace(request, watch=True)])
    assert (free.non_finite, watched.non_finite) == (None, 0)
    assert (free.token_ids, free.finish) == (watched.token_ids, watched.finish)


def test_told_logits_are_those_of_each_step_and_change_no_token(subject: Subject) -> None:
    plain = subject.ask(messages=CHAT, max_new_tokens=6, stop_at_end=False)
    told = subject.ask(messages=CHAT, max_new_tokens=6, stop_at_end=False, tell_logits=True)
    assert plain.logits is None
    assert told.logits is not None
    assert told.token_ids == plain.token_ids
    assert len(told.logits) == 6
    read = subject.ask(token_ids=told.prompt_ids + told.token_ids, score_from=len(told.prompt_ids))
    assert read.logits is not None
    apart = np.abs(told.logits - read.logits).mean(axis=1)
    assert (apart < 0.05 * np.abs(read.logits).mean(axis=1)).all()


def test_forced_tokens_come_after_the_prompt_and_what_was_chosen_is_told(
    subject: Subject,
) -> None:
    forced = (70, 80, 90, 100)
    found = subject.ask(messages=CHAT, forced=forced, tell_logits=True)
    assert found.logits is not None
    assert len(found.token_ids) == len(found.logits) == 4
    assert found.token_ids == tuple(found.logits.argmax(axis=1).tolist())
    read = subject.ask(token_ids=found.prompt_ids + forced, score_from=len(found.prompt_ids))
    assert read.logits is not None
    apart = np.abs(found.logits - read.logits).mean(axis=1)
    assert (apart < 0.05 * np.abs(read.logits).mean(axis=1)).all()


def test_sampling_follows_its_seed_and_keeps_the_limit(subject: Subject) -> None:
    wild = [Sampling(temperature=100.0, top_k=0, top_p=1.0, seed=seed) for seed in (1, 1, 2)]
    answers = subject.run(
        [Request(text="A hotel", max_new_tokens=7, sampling=it, stop_at_end=False) for it in wild]
    )
    if "greedily alone" in answers[0].error:  # said, and not ignored
        return
    assert [len(it.token_ids) for it in answers] == [7, 7, 7]
    assert answers[0].token_ids == answers[1].token_ids != answers[2].token_ids


@pytest.mark.parametrize(
    "odd", [Sampling(top_k=10**6), Sampling(temperature=0.0), Sampling(temperature=math.nan)]
)
def test_senseless_sampling_is_an_answer_and_the_next_is_right(
    subject: Subject, odd: Sampling
) -> None:
    normal = Request(text="A hotel in Rome", max_new_tokens=8)
    sampled = Request(text="A hotel in Rome", max_new_tokens=8, sampling=odd)
    before, answer, after = subject.run([normal, sampled, normal])
    assert len(answer.token_ids) <= 8
    assert bool(answer.error) == (answer.finish == Finish.ERROR)
    assert before.token_ids == after.token_ids


def test_an_answers_tokens_decode_to_its_text(subject: Subject) -> None:
    answer = subject.ask(text="A hotel in Rome", max_new_tokens=12)
    assert subject.decode([answer.token_ids]) == [answer.text]
    [ids] = subject.encode(["Zürich"])
    assert subject.decode([ids, []]) == ["Zürich", ""]


def test_every_token_has_its_time_in_order(subject: Subject) -> None:
    answer = subject.ask(text="A hotel in Rome", max_new_tokens=12, stop_at_end=False)
    times = [answer.started_ns, *answer.token_ns.tolist(), answer.ended_ns]
    assert answer.token_ns.dtype == np.int64
    assert len(answer.token_ns) == len(answer.token_ids) == 12
    assert times == sorted(times)
    assert answer.cpu_ns >= 0


def test_an_answer_ends_at_the_limit(subject: Subject) -> None:
    answer = subject.ask(text="A hotel in Rome", max_new_tokens=1, stop_at_end=False)
    assert (answer.finish, len(answer.token_ids)) == (Finish.LENGTH, 1)


def test_no_token_is_made_when_none_is_asked_for(subject: Subject) -> None:
    answer = subject.ask(text="A hotel in Rome", max_new_tokens=0)
    assert (answer.finish, answer.token_ids, answer.text) == (Finish.LENGTH, (), "")


@pytest.mark.parametrize("fresh", [True, False])
def test_a_fixed_amount_of_work_passes_end_tokens(subject: Subject, fresh: bool) -> None:
    answer = subject.ask(messages=CHAT, max_new_tokens=100, stop_at_end=False, fresh=fresh)
    assert (answer.finish, len(answer.token_ids)) == (Finish.LENGTH, 100)


def test_an_end_token_is_no_part_of_the_answer(subject: Subject) -> None:
    answer = subject.ask(messages=CHAT, max_new_tokens=400)
    further = subject.ask(messages=CHAT, max_new_tokens=400, stop_at_end=False)
    assert further.token_ids[: len(answer.token_ids)] == answer.token_ids


def test_text_and_its_token_ids_get_one_answer(subject: Subject) -> None:
    text = "A hotel in Rome"
    [ids] = subject.encode([text])
    by_text = subject.ask(text=text, max_new_tokens=12)
    by_ids = subject.ask(token_ids=tuple(ids), max_new_tokens=12)
    assert by_text.prompt_ids == by_ids.prompt_ids == tuple(ids)
    assert by_text.token_ids == by_ids.token_ids


def test_a_chat_is_the_text_that_its_template_renders(subject: Subject) -> None:
    text = subject.render(CHAT)
    assert CHAT[-1][1] in text
    assert subject.ask(messages=CHAT).prompt_ids == subject.ask(text=text).prompt_ids


def test_encoding_nothing_gives_no_token(subject: Subject) -> None:
    assert subject.encode([]) == []
    assert subject.encode([""]) == [[]]


def test_scores_predict_the_tokens_from_the_given_position(subject: Subject) -> None:
    ids = tuple(subject.encode(["A hotel in Rome, near the station"])[0])
    whole = subject.ask(token_ids=ids, score_from=1, fresh=False)
    rest = subject.ask(token_ids=ids, score_from=3)
    assert (whole.finish, whole.token_ids) == (Finish.SCORED, ())
    assert whole.logits is not None
    assert rest.logits is not None
    assert whole.logits.dtype == np.float32
    assert len(whole.logits) == len(ids) - 1
    assert np.isfinite(whole.logits).all()
    np.testing.assert_allclose(whole.logits[2:], rest.logits, atol=1e-4)


@pytest.mark.parametrize("fresh", [True, False])
def test_continuations_are_as_likely_as_the_logits_of_their_tokens_say(
    subject: Subject, fresh: bool
) -> None:
    ids = tuple(subject.encode(["A hotel in Rome, near the station"])[0])
    prompt, rest = ids[:4], ids[4:]
    offered = (rest, (7,), rest[:1], (7, 8, 9), rest[:2])
    answer = subject.ask(token_ids=prompt, continuations=offered, fresh=fresh)
    assert (answer.finish, answer.prompt_ids) == (Finish.SCORED, prompt)
    assert (answer.token_ids, answer.logits) == ((), None)
    scored = [Request(token_ids=prompt + it, score_from=len(prompt)) for it in offered]
    expected = [by_logits(*pair) for pair in zip(subject.run(scored), offered, strict=True)]
    assert answer.log_likelihoods == pytest.approx(expected, abs=1e-3)


def by_logits(answer: Answer, tokens: tuple[int, ...]) -> float:
    assert answer.logits is not None
    return float(log_softmax(answer.logits)[np.arange(len(tokens)), list(tokens)].sum())


@pytest.mark.parametrize("fresh", [True, False])
def test_no_bit_of_a_likelihood_depends_on_what_was_asked_before(
    subject: Subject, fresh: bool
) -> None:
    offered = ((7, 8, 9), (8,), (9, 7), (7, 8, 10, 11))
    request = Request(token_ids=tuple(range(5, 25)), continuations=offered, fresh=fresh)
    backwards = replace(request, continuations=offered[::-1])
    begun = replace(request, token_ids=(*range(5, 25), 7), continuations=((8, 9), (10,)))
    between = [
        backwards,
        kept_chat(TURNS[1], None),
        begun,
        Request(text="a " * 40, max_new_tokens=5, fresh=False),
        Request(token_ids=tuple(range(5, 15)), score_from=3, fresh=False),
    ]
    plan = [request, *(it for other in between for it in (other, request))]
    answers = subject.run(plan)
    assert {it.log_likelihoods for it in answers[::2]} == {answers[0].log_likelihoods}
    assert answers[1].log_likelihoods == answers[0].log_likelihoods[::-1]
    assert len(set(answers[0].log_likelihoods)) == 4


def test_a_chat_goes_on_after_continuations_were_scored(subject: Subject) -> None:
    [whole] = subject.run([replace(kept_chat(TURNS[1], None), fresh=True, keep_prefix=False)])
    scored = Request(token_ids=whole.prompt_ids[:-1], continuations=((7, 8, 9), (8,)), fresh=False)
    began = replace(scored, token_ids=whole.prompt_ids, continuations=((*whole.token_ids, 7),))
    for other in (scored, began):
        [_, went_on] = subject.run([other, kept_chat(TURNS[1], None)])
        assert (went_on.prompt_ids, went_on.token_ids) == (whole.prompt_ids, whole.token_ids)


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize(
    "refused",
    [
        {"text": ""},
        {"token_ids": ()},
        {"text": "half of a \ud83d"},
        {"messages": (("user", "half of a \ud83d"),)},
        {"token_ids": (5,) * 100_000},
        {"token_ids": (5,) * 100_000, "score_from": 1},
        {"token_ids": (), "continuations": ((5,),)},
        {"token_ids": (5,) * 100_000, "continuations": ((5,), (6, 7))},
        {"token_ids": (5,), "continuations": ((5,), (6,) * 100_000)},
        {"token_ids": (5,), "continuations": ((5,), (6, 10**6))},
        {"token_ids": (5,), "continuations": ((-1,), (6, 7))},
    ],
    ids=[
        "empty text",
        "no tokens",
        "surrogate",
        "surrogate in chat",
        "too long",
        "too long score",
        "nothing to continue",
        "too long to continue",
        "too long continuation",
        "unknown token",
        "negative token",
    ],
)
def test_what_is_refused_is_an_answer_and_the_next_is_right(
    subject: Subject, refused: dict[str, object], fresh: bool
) -> None:
    good = Request(text="A hotel in Rome", max_new_tokens=12, fresh=fresh)
    before, error, after = subject.run([good, Request(**refused, fresh=fresh), good])  # type: ignore[arg-type]
    assert error.finish == Finish.ERROR
    assert error.error
    assert error.log_likelihoods == ()
    assert "\n" not in error.error
    assert before.token_ids == after.token_ids


@pytest.mark.parametrize("fresh", [True, False])
def test_the_end_of_the_context_ends_the_answer(subject: Subject, full: int, fresh: bool) -> None:
    plan = [
        Request(token_ids=(5,) * (full - 1), max_new_tokens=9, stop_at_end=False, fresh=fresh),
        Request(token_ids=(5,) * full, max_new_tokens=9, fresh=fresh),
        Request(token_ids=(5,) * full, score_from=full - 1, fresh=fresh),
    ]
    last, none, scored = subject.run(plan)
    assert (last.finish, len(last.token_ids)) == (Finish.LENGTH, 1)
    assert none.finish == Finish.ERROR
    assert scored.finish == Finish.SCORED


@pytest.mark.parametrize("fresh", [True, False])
def test_continuations_fit_into_the_context_with_their_prompt_or_are_refused(
    subject: Subject, full: int, fresh: bool
) -> None:
    fits = Request(token_ids=(5,) * (full - 3), continuations=((7,), (7, 8, 9)), fresh=fresh)
    longer = replace(fits, continuations=((7,), (7, 8, 9, 10)))
    none = Request(token_ids=(5,) * full, continuations=((7,),), fresh=fresh)
    scored, *refused = subject.run([fits, longer, none])
    assert scored.finish == Finish.SCORED
    assert all(math.isfinite(it) for it in scored.log_likelihoods)
    assert [it.finish for it in refused] == [Finish.ERROR] * 2


def test_a_folder_that_is_not_there_is_a_load_error(factory: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDED[factory])
    with pytest.raises(LoadError):
        make_runtime(factory).load(tmp_path / "none")
    with Isolated(factory, tmp_path / "none", label="int4") as runtime:
        with pytest.raises(LoadError, match=r"^int4: ") as caught:
            runtime.start()
        assert "\n" not in str(caught.value)


def test_a_closed_runtime_can_be_loaded_again(factory: str, directory: Path) -> None:
    runtime = make_runtime(factory)
    texts = []
    for _ in range(2):
        runtime.load(directory)
        texts.append(runtime.answer(Request(text="A hotel in Rome", max_new_tokens=5)).text)
        runtime.close()
    assert texts[0] == texts[1]
