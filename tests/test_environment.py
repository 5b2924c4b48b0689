"""Two environments compare, or every difference is named."""

from dataclasses import replace

import pytest

from harness.environment import Environment, Power, differences

HERE = Environment(
    processor="Quick 9",
    cores=8,
    memory_bytes=16 * 2**30,
    system="Linux 6.1 x86_64",
    python="3.11.9",
    versions=(("numpy", "2.0"), ("onnxruntime-genai", "0.18.0")),
    power=Power.AC,
    load_average=0.5,
)


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"processor": "Slow 1"}, "processor Quick 9 against Slow 1"),
        ({"cores": 4}, "cores 8 against 4"),
        ({"memory_bytes": 8 * 2**30}, "memory 16 GiB against 8 GiB"),
        ({"system": "Darwin"}, "system Linux 6.1 x86_64 against Darwin"),
        ({"python": "3.12.0"}, "python 3.11.9 against 3.12.0"),
        ({"provider": "cuda"}, "provider cpu against cuda"),
        ({"threads": 2}, "threads unknown against 2"),
        ({"power": Power.BATTERY}, "power ac against battery"),
        ({"governor": "powersave"}, "governor unknown against powersave"),
        (
            {"versions": (("numpy", "2.0"), ("onnxruntime-genai", "0.17.1"))},
            "onnxruntime-genai 0.18.0 against 0.17.1",
        ),
        ({"versions": (("numpy", "2.0"),)}, "onnxruntime-genai 0.18.0 against missing"),
    ],
)
def test_each_difference_is_named_and_changes_the_fingerprint(
    change: dict[str, object], difference: str
) -> None:
    there = replace(HERE, **change)  # type: ignore[arg-type]
    assert differences(HERE, there) == (difference,)
    assert HERE.fingerprint != there.fingerprint


@pytest.mark.parametrize(
    "change", [{"load_average": 9.0}, {"load_average": None}, {"memory_bytes": 16 * 2**30 - 2**26}]
)
def test_load_and_a_kernel_s_own_memory_do_not_matter(change: dict[str, object]) -> None:
    there = replace(HERE, **change)  # type: ignore[arg-type]
    assert differences(HERE, there) == ()
    assert HERE.fingerprint == there.fingerprint


def test_all_differences_are_told_at_once() -> None:
    there = replace(HERE, cores=4, python="3.12.0", versions=())
    assert len(differences(HERE, there)) == 4


@pytest.mark.parametrize(
    "change",
    [
        {"cores": 0},
        {"memory_bytes": -1},
        {"threads": -1},
        {"versions": (("onnxruntime", "1"), ("numpy", "2"))},
        {"versions": (("numpy", "1"), ("numpy", "2"))},
    ],
)
def test_what_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="found"):
        replace(HERE, **change)  # type: ignore[arg-type]
