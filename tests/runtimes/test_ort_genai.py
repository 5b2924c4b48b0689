"""What is particular to onnxruntime-genai: its errors, its end tokens, its search options."""

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from harness.answer import Finish, Messages, Request
from harness.errors import InfrastructureError, LoadError
from harness.runtimes import generator_memory
from harness.runtimes.genai_limits import GenaiLimits, read_limits
from harness.runtimes.isolated import Isolated
from harness.runtimes.ort_genai import OrtGenAI, _first_tokens

PROMPT = Request(text="A hotel in Rome", max_new_tokens=40, stop_at_end=False)
Plant = Callable[[Callable[[Path], object]], Path]


@pytest.fixture
def plant(embedded: Mapping[str, Path], tmp_path: Path) -> Plant:
    """A copy of a variant's folder with something done to it."""

    def copy(edit: Callable[[Path], object]) -> Path:
        directory = tmp_path / "planted"
        shutil.copytree(embedded["fp32"], directory)
        edit(directory)
        return directory

    return copy


def loaded(directory: Path) -> OrtGenAI:
    runtime = OrtGenAI()
    runtime.load(directory)
    return runtime


def configure(section: str, **values: object) -> Callable[[Path], object]:
    def edit(directory: Path) -> None:
        path = directory / "genai_config.json"
        config: dict[str, Any] = json.loads(path.read_text())
        config[section].update(values)
        path.write_text(json.dumps(config))

    return edit


@pytest.mark.parametrize("fresh", [True, False])
def test_work_of_a_fixed_amount_goes_on_past_end_tokens_as_if_they_were_none(
    embedded: Mapping[str, Path], plant: Plant, fresh: bool
) -> None:
    free = loaded(embedded["fp32"]).answer(PROMPT).token_ids
    ends = [free[3], free[6], free[20]]
    runtime = loaded(plant(configure("model", eos_token_id=ends)))
    first = min(free.index(end) for end in ends)
    passed = runtime.answer(
        Request(text=PROMPT.text, max_new_tokens=40, stop_at_end=False, fresh=fresh)
    )
    stopped = runtime.answer(Request(text=PROMPT.text, max_new_tokens=40, fresh=fresh))
    assert (passed.token_ids, passed.finish) == (free, Finish.LENGTH)
    assert (stopped.token_ids, stopped.finish) == (free[:first], Finish.STOP)


def test_decoding_is_greedy_whatever_the_package_asks_for(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    options = {"do_sample": True, "temperature": 5.0, "num_beams": 3, "num_return_sequences": 2}
    planted = loaded(plant(configure("search", **options)))
    assert planted.answer(PROMPT).token_ids == loaded(embedded["fp32"]).answer(PROMPT).token_ids


def test_the_package_s_other_search_options_stay(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    planted = loaded(plant(configure("search", repetition_penalty=5.0)))
    assert planted.answer(PROMPT).token_ids != loaded(embedded["fp32"]).answer(PROMPT).token_ids


def test_scores_agree_with_what_is_generated(embedded: Mapping[str, Path]) -> None:
    runtime = loaded(embedded["fp32"])
    answer = runtime.answer(PROMPT)
    sequence = answer.prompt_ids + answer.token_ids
    scored = runtime.answer(Request(token_ids=sequence, score_from=len(answer.prompt_ids)))
    assert scored.logits is not None
    assert tuple(np.argmax(scored.logits, axis=1)) == answer.token_ids


def test_half_a_character_at_the_limit_is_not_shown(embedded: Mapping[str, Path]) -> None:
    runtime = loaded(embedded["fp32"])
    [ids] = runtime.encode(["Zürich 東京 🏨"])
    stream = runtime._tokenizer.create_stream()
    assert "".join(stream.decode(token) for token in ids) == "Zürich 東京 🏨"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda folder: (folder / "model.onnx.data").unlink(), "External data"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"\0"), "model.onnx"),
        (lambda folder: (folder / "genai_config.json").unlink(), "genai_config.json"),
        (lambda folder: (folder / "genai_config.json").write_text("{"), "genai_config.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "parse error"),
        (configure("model", patch_size=3), "patch_size"),
        (configure("model", context_length=0), "context_length"),
    ],
    ids=[
        "no data",
        "bad graph",
        "no config",
        "bad config",
        "bad tokenizer",
        "unknown key",
        "no context",
    ],
)
def test_a_folder_that_cannot_be_loaded_is_a_load_error_in_one_line(
    plant: Plant, edit: Callable[[Path], object], message: str
) -> None:
    with pytest.raises(LoadError, match=message) as caught:
        loaded(plant(edit))
    assert "\n" not in str(caught.value)


def test_an_end_token_outside_the_vocabulary_is_refused_at_the_first_request(plant: Plant) -> None:
    answer = loaded(plant(configure("model", eos_token_id=10**6))).answer(PROMPT)
    assert answer.finish == Finish.ERROR
    assert "eos_token_id" in answer.error


@pytest.mark.parametrize("template", ["", "{{ 'a'.swapcase() }}", "{% for %}"])
def test_a_template_that_the_engine_refuses_is_an_answer(plant: Plant, template: str) -> None:
    def edit(folder: Path) -> None:
        (folder / "chat_template.jinja").write_text(template)
        config = json.loads((folder / "tokenizer_config.json").read_text())
        config.pop("chat_template", None)
        (folder / "tokenizer_config.json").write_text(json.dumps(config))

    chat: Messages = (("user", "Hello"),)
    runtime = loaded(plant(edit))
    answer = runtime.answer(Request(messages=chat))
    assert answer.finish == Finish.ERROR
    assert answer.error
    assert runtime.answer(PROMPT).finish == Finish.LENGTH


def test_a_missing_engine_is_no_fault_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime_genai", None)
    with pytest.raises(InfrastructureError, match="onnxruntime-genai cannot be imported"):
        OrtGenAI()


def test_the_engine_is_told_to_send_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = pytest.importorskip("onnxruntime_genai")
    told: list[str] = []
    monkeypatch.setattr(engine, "disable_telemetry_events", lambda: told.append("off"))
    OrtGenAI()
    assert told == ["off"]


def test_the_engine_has_no_exception_that_is_not_mapped() -> None:
    engine = pytest.importorskip("onnxruntime_genai")
    names = {*vars(engine), *vars(engine.onnxruntime_genai)}
    kinds = (getattr(engine.onnxruntime_genai, name, None) for name in names)
    assert not [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Exception)]


def test_a_held_context_takes_its_key_value_cache(embedded: dict[str, Path]) -> None:
    layers, heads, head_size, bytes_each = 3, 4, 32, 4
    with Isolated("harness.runtimes.ort_genai:OrtGenAI", embedded["int4"]) as runtime:
        holds = [runtime.hold([5] * (length - 2), 2) for length in (1024, 512, 256)]
    half, quarter = (hold.held.private_bytes - hold.released.private_bytes for hold in holds[1:])
    assert (half - quarter) / 256 == pytest.approx(2 * layers * heads * head_size * bytes_each, 0.1)


class Recorder:
    """A generator that writes down how many tokens are appended to it."""

    def __init__(self, generator: Any, appended: list[int]) -> None:
        self.generator = generator
        self.appended = appended

    def __getattr__(self, name: str) -> Any:
        return getattr(self.generator, name)

    def append_tokens(self, tokens: Any) -> None:
        self.appended.append(len(tokens))
        self.generator.append_tokens(tokens)


def recorded(runtime: OrtGenAI, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens the generators that a runtime makes from now on are given at a time."""
    appended: list[int] = []
    make = runtime._new_generator
    monkeypatch.setattr(
        runtime, "_new_generator", lambda size, **search: Recorder(make(size, **search), appended)
    )
    return appended


def test_a_kept_prefix_is_not_computed_again(
    embedded: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = loaded(embedded["fp32"])
    appended = recorded(runtime, monkeypatch)
    begin = tuple(range(5, 25))
    for prompt in (begin, (*begin, 7, 8), (*begin[:10], 7), begin[:10], begin[:10]):
        request = Request(token_ids=prompt, max_new_tokens=0, fresh=False, keep_prefix=True)
        assert runtime.answer(request).prompt_ids == prompt
    assert appended == [1, 20, 3, 1, 1, 1]


def test_a_prompt_is_computed_once_for_all_continuations_and_no_last_token_is(
    embedded: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = loaded(embedded["fp32"])
    appended = recorded(runtime, monkeypatch)
    offered = ((7, 8, 9), (7,), (8,), (8, 9))
    for prompt in (tuple(range(5, 25)), tuple(range(5, 26))):
        runtime.answer(Request(token_ids=prompt, continuations=offered, fresh=False))
    assert appended == [1, 20, 2, 1, 21, 2, 1]


def test_likelihoods_are_the_same_where_an_answer_has_many_end_tokens(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    request = Request(token_ids=(30, 31, 32), continuations=((7, 8), (8,), (9, 7, 8)))
    ends = configure("model", eos_token_id=[7, 8, 9])
    expected = loaded(embedded["fp32"]).answer(request).log_likelihoods
    assert loaded(plant(ends)).answer(request).log_likelihoods == expected


def test_a_prompt_that_the_engine_reads_in_chunks_makes_continuations_as_likely(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    offered = ((7,) * 20, (8,), (9,) * 5)
    request = Request(token_ids=tuple(range(30, 60)), continuations=offered)
    whole = loaded(embedded["fp32"]).answer(request).log_likelihoods
    chunked = loaded(plant(configure("search", chunk_size=8))).answer(request)
    assert chunked.log_likelihoods == pytest.approx(whole, abs=1e-3)


def test_a_kept_generator_reserves_what_is_asked_of_it_and_grows(
    embedded: Mapping[str, Path],
) -> None:
    runtime = loaded(embedded["int4"])
    rooms = []
    for length in (30, 700, 40, 4000):
        ids = tuple(5 + n % 1000 for n in range(length))
        kept, fresh = (
            runtime.answer(Request(token_ids=ids, score_from=length - 8, fresh=is_fresh)).logits
            for is_fresh in (False, True)
        )
        assert kept is not None
        assert fresh is not None
        np.testing.assert_allclose(kept, fresh, atol=1e-4)
        rooms.append(runtime._kept_room)
    assert rooms == [512, 1024, 1024, 4096]


@pytest.mark.parametrize("chunk", [7, 64, 300])
def test_logits_are_the_same_in_whatever_chunks_a_prompt_is_read(
    embedded: Mapping[str, Path], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = loaded(embedded["int4"])
    request = Request(token_ids=tuple(5 + n * 7 % 1000 for n in range(300)), score_from=50)
    whole = runtime.answer(request).logits
    monkeypatch.setattr("harness.runtimes.ort_genai._READ_AT_ONCE", 100)
    monkeypatch.setattr("harness.runtimes.ort_genai._CHUNK_TOKENS", chunk)
    parts = runtime.answer(request).logits
    assert whole is not None
    assert parts is not None
    assert whole.shape == parts.shape == (250, 2048)
    np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_a_request_has_room_for_the_window_of_a_model_that_has_one(plant: Plant) -> None:
    window = {"sliding_window": {"window_size": 512}}
    runtime = loaded(plant(lambda folder: _set_decoder(folder, window)))
    sizes = []
    runtime._genai = SimpleNamespace(**vars(runtime._genai))
    runtime._genai.Generator = lambda model, options: options
    runtime._genai.GeneratorParams = lambda model: SimpleNamespace(
        set_search_options=lambda **search: sizes.append(search["max_length"])
    )
    for wanted in (30, 600, 10**6):
        runtime._new_generator(wanted)
    assert sizes == [512, 600, 4096]


@pytest.mark.parametrize(
    ("stated", "provider", "expected"),
    [
        ({}, [], 2048),
        ({"chunk_size": 0}, [{"cuda": {}}], 2048),
        ({"chunk_size": 512}, [], None),
        ({}, [{"NvTensorRtRtx": {}}], 2048),
        ({}, [{"dml": {}}], None),
    ],
)
def test_a_prompt_is_read_in_the_parts_that_foundry_local_has_it_read_in(
    stated: dict[str, int],
    provider: list[dict[str, Any]],
    expected: int | None,
    tmp_path: Path,
) -> None:
    decoder = {"session_options": {"provider_options": provider}}
    config = {"model": {"context_length": 4096, "decoder": decoder}, "search": stated}
    (tmp_path / "genai_config.json").write_text(json.dumps(config))
    assert read_limits(tmp_path).usual.get("chunk_size") == expected


def test_parts_of_a_prompt_are_what_the_engine_reads_at_once(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    """The logits that it then has are of the last part alone: 4,000 tokens are 2,048 and 1,952."""
    ids = np.array([5 + n % 1000 for n in range(4000)], np.int32)
    rows = []
    for folder in (embedded["int4"], plant(configure("search", chunk_size=1000))):
        generator = loaded(folder)._new_generator(4008, do_sample=False)
        generator.append_tokens(ids)
        rows.append(generator.get_output("logits").shape[1])
    assert rows == [1952, 1000]


def test_scored_rows_are_all_there_whatever_parts_a_package_asks_for(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    request = Request(token_ids=tuple(range(30, 60)), score_from=1, fresh=True)
    whole, parted = (
        loaded(folder).answer(request).logits
        for folder in (embedded["fp32"], plant(configure("search", chunk_size=8)))
    )
    assert whole is not None
    assert parted is not None
    np.testing.assert_allclose(parted, whole, atol=1e-4)


def _set_decoder(folder: Path, fields: dict[str, Any]) -> None:
    path = folder / "genai_config.json"
    config = json.loads(path.read_text())
    config["model"]["decoder"] |= fields
    path.write_text(json.dumps(config))


def test_a_kept_generator_reads_its_first_prompt_as_it_does_all_others(plant: Plant) -> None:
    runtime = loaded(plant(configure("search", chunk_size=1)))
    request = Request(token_ids=tuple(range(30, 60)), score_from=1, fresh=False)
    first, second = (runtime.answer(request).logits for _ in range(2))
    assert first is not None
    assert first.shape == (29, 2048)
    np.testing.assert_array_equal(first, second)


def test_a_kept_generator_reads_what_is_not_scored_in_parts_too(plant: Plant) -> None:
    """The logits that it then has are of the last part alone."""
    runtime = loaded(plant(configure("search", chunk_size=100)))
    ids = tuple(5 + n % 1000 for n in range(350))
    kept, new = (
        runtime.answer(Request(token_ids=ids, max_new_tokens=8, stop_at_end=False, fresh=fresh))
        for fresh in (False, True)
    )
    assert kept.token_ids == new.token_ids
    request = Request(token_ids=ids, max_new_tokens=1, fresh=False)
    generator = runtime._generator(request, np.array(ids, np.int32))
    runtime._read_prompt(generator, np.array(ids, np.int32), request)
    assert generator.get_output("logits").shape[1] == 50


@pytest.mark.parametrize(
    ("kind", "vocabulary", "prompt_tokens", "expected"),
    [
        ("llama", 2048, 4097, 4352),
        ("llama", 49152, 4097, 1365),
        ("gemma3_text", 262144, 4097, 256),
        ("phi3", 200064, 4096, 335),
        ("phi3", 200064, 4097, 4352),
    ],
)
def test_large_vocabularies_are_scored_in_small_parts_but_where_rotations_depend_on_them(
    kind: str, vocabulary: int, prompt_tokens: int, expected: int
) -> None:
    assert _first_tokens(kind, vocabulary, prompt_tokens) == expected


def test_a_prompt_that_does_not_fit_is_refused_before_any_of_it_is_read(plant: Plant) -> None:
    runtime = loaded(plant(configure("search", chunk_size=100)))
    long = (5,) * 4097
    request = Request(token_ids=long, fresh=False)
    generator = runtime._generator(request, np.array(long, np.int32))
    with pytest.raises(RuntimeError):
        runtime._read_prompt(generator, np.array(long, np.int32), request)
    assert generator.token_count() == 0


def test_an_empty_prompt_is_refused_by_the_engine_itself(embedded: Mapping[str, Path]) -> None:
    runtime = loaded(embedded["fp32"])
    for fresh in (False, True):
        assert runtime.answer(Request(token_ids=(), fresh=fresh)).finish is Finish.ERROR


def test_a_context_without_memory_on_this_machine_is_no_answer_of_the_models(
    embedded: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kept generator makes room first; a token of 3 layers takes 3 KiB, and 8 of logits."""
    free = {"bytes": 2**40}
    monkeypatch.setattr(generator_memory, "available_bytes", lambda: free["bytes"])
    monkeypatch.setattr(generator_memory, "_LARGE_BYTES", 2**20)
    runtime = loaded(embedded["int4"])
    long = Request(token_ids=(5,) * 4000, max_new_tokens=2)
    assert runtime.answer(replace(long, fresh=False)).finish is Finish.LENGTH
    free["bytes"] = 2**20
    with pytest.raises(InfrastructureError, match=r"a context of 4,002 tokens needs 0.0 GiB"):
        runtime.answer(long)
    assert runtime._kept is None
    free["bytes"] = 2**40
    assert runtime.answer(replace(long, fresh=False)).finish is Finish.LENGTH


def slide(directory: Path, **window: object) -> None:
    path = directory / "genai_config.json"
    config: dict[str, Any] = json.loads(path.read_text())
    config["model"]["decoder"]["sliding_window"] = window
    path.write_text(json.dumps(config))


def test_a_window_that_no_layer_has_reserves_no_whole_context(
    embedded: Mapping[str, Path], plant: Plant
) -> None:
    window = {"slide_key_value_cache": False, "slide_inputs": False}  # as its builder writes it
    runtime = loaded(plant(lambda it: slide(it, window_size=262_144, layers=[], **window)))
    answer = runtime.answer(PROMPT)
    assert answer.token_ids == loaded(embedded["fp32"]).answer(PROMPT).token_ids
    assert runtime._limits.window_tokens == 0


def test_a_generator_whose_window_has_let_go_of_tokens_is_kept_no_more(
    embedded: Mapping[str, Path],
) -> None:
    runtime = loaded(embedded["fp32"])
    runtime._limits = replace(runtime._limits, window_tokens=32, part_tokens=16)
    ids = tuple(range(100, 148))
    request = Request(token_ids=ids[:40], score_from=30, fresh=False)
    runtime.answer(request)
    first = runtime._kept
    runtime.answer(request)
    assert runtime._kept is first
    runtime.answer(replace(request, token_ids=ids))  # one more than the cache would hold
    assert runtime._kept is first
    scored = runtime.answer(request).logits
    assert runtime._kept is not first
    assert scored is not None


def test_continuations_of_a_prompt_that_a_window_has_let_go_of_are_as_likely(
    embedded: Mapping[str, Path],
) -> None:
    request = Request(
        token_ids=tuple(range(100, 160)), continuations=((5, 6, 7), (8, 9), (11,)), fresh=False
    )
    runtime = loaded(embedded["fp32"])
    expected = runtime.answer(request).log_likelihoods
    runtime._limits = replace(runtime._limits, window_tokens=32, part_tokens=16)
    first = runtime._kept
    found = runtime.answer(request)
    assert runtime._kept is not first
    assert found.log_likelihoods == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("window", "part", "tokens", "expected"),
    [
        (512, 2048, 2559, False),  # Gemma 3, as its engine says when it refuses
        (512, 2048, 2560, True),
        (512, 0, 513, True),
        (0, 2048, 100_000, False),
    ],
)
def test_a_window_holds_itself_and_what_is_read_at_once(
    window: int, part: int, tokens: int, expected: bool
) -> None:
    limits = GenaiLimits(window_tokens=window, part_tokens=part)
    assert limits.has_let_go(tokens) is expected
