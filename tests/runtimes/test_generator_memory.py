"""Memory of a generator: what a configuration says of it, and what happens where it is short."""

from typing import Any

import pytest

from harness.errors import InfrastructureError
from harness.runtimes import generator_memory as module
from harness.runtimes.generator_memory import GeneratorMemory, generator_memory

QWEN = {"num_hidden_layers": 28, "num_key_value_heads": 8, "head_size": 128}
GIBIBYTE = 2**30


def config(decoder: dict[str, Any], is_shared: bool = True) -> dict[str, Any]:
    return {
        "model": {"decoder": decoder, "vocab_size": 151936},
        "search": {"past_present_share_buffer": is_shared},
    }


def test_a_whole_context_of_keys_and_values_is_what_is_known_of_a_model_of_that_size() -> None:
    found = generator_memory(config(QWEN), 2048, is_on_processor=True)
    assert found.cache_bytes * 40960 == pytest.approx(9.4e9, rel=0.01)
    assert found.needed_bytes(40960) == found.cache_bytes * 40960 + 4 * 151936 * 2048
    assert found.needed_bytes(100) == (found.cache_bytes + 4 * 151936) * 100
    at_once = generator_memory(config(QWEN), 0, is_on_processor=True)
    assert at_once.needed_bytes(4096) == (found.cache_bytes + 4 * 151936) * 4096


def test_a_window_that_no_layer_has_leaves_the_cache_whole() -> None:
    window = {"window_size": 262_144, "layers": []}
    found = generator_memory(config({**QWEN, "sliding_window": window}), 2048, True)
    assert found == generator_memory(config(QWEN), 2048, True)
    assert found.cache_bytes > 0


@pytest.mark.parametrize(
    ("document", "is_on_processor"),
    [
        (config(QWEN, is_shared=False), True),
        (config({**QWEN, "sliding_window": {"window_size": 512}}), True),
        (config(QWEN), False),
        (config({}), False),
    ],
)
def test_nothing_is_known_of_other_caches(document: dict[str, Any], is_on_processor: bool) -> None:
    found = generator_memory(document, 2048, is_on_processor)
    assert found.needed_bytes(40960) == 0


class Machine:
    """So much memory is free, and more when another generator has let go."""

    def __init__(self, free: int, kept: int, monkeypatch: pytest.MonkeyPatch, cap: int = 0) -> None:
        self.free = free
        self.kept = kept
        monkeypatch.setattr(module, "available_bytes", lambda: self.free)
        monkeypatch.setattr(module, "is_over_cap", lambda needed: 0 < cap < needed)

    def let_go(self) -> None:
        self.free += self.kept
        self.kept = 0


def test_a_generator_lets_go_only_where_another_has_no_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = GeneratorMemory(2**20)
    machine = Machine(GIBIBYTE, GIBIBYTE, monkeypatch)
    for room_tokens, kept in ((100, GIBIBYTE), (1024, GIBIBYTE), (1025, 0)):
        memory.require(room_tokens, machine.let_go)
        assert machine.kept == kept


def test_too_little_memory_is_the_machines_fault_with_the_figures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine = Machine(GIBIBYTE, GIBIBYTE, monkeypatch)
    with pytest.raises(InfrastructureError) as caught:
        GeneratorMemory(2**20).require(3072, machine.let_go)
    assert str(caught.value) == (
        "a context of 3,072 tokens needs 3.0 GiB of memory, this machine has 2.0 GiB free: "
        "measure on a larger one, or state fewer context_tokens in the release's [model]"
    )


def test_a_few_tokens_are_never_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    GeneratorMemory(2**20).require(200, Machine(0, 0, monkeypatch).let_go)


def test_what_a_device_has_no_room_for_is_left_to_its_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(0, 0, monkeypatch, cap=GIBIBYTE)
    GeneratorMemory(2**20).require(3072, machine.let_go)
    with pytest.raises(InfrastructureError):
        GeneratorMemory(2**20).require(512, machine.let_go)
