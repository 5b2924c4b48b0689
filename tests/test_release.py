from pathlib import Path

import pytest

from harness.asking import Ask, Normalize
from harness.errors import ConfigError
from harness.release import (
    Data,
    Identity,
    ModelSource,
    PolicyChoice,
    Release,
    Role,
    RuntimeChoice,
    VariantEntry,
)


def release(**roles):
    variants = {name: VariantEntry(role=role) for name, role in roles.items()}
    return Release(
        Identity("travel", 1), variants, Data(Path("eval.jsonl")), PolicyChoice(Path("gate.toml"))
    )


def test_variants_are_told_apart_by_their_role():
    found = release(b=Role.CANDIDATE, fp32=Role.REFERENCE, a=Role.CANDIDATE, old=Role.BASELINE)
    assert found.reference == "fp32"
    assert found.candidates == ("b", "a")
    assert found.with_role(Role.BASELINE) == ("old",)


@pytest.mark.parametrize(
    ("roles", "message"),
    [
        ({"a": Role.CANDIDATE}, "role = 'reference': found none"),
        ({"a": Role.REFERENCE, "b": Role.REFERENCE}, "role = 'reference': found a, b"),
        ({"a": Role.REFERENCE}, "no candidate, so there is nothing to decide"),
        (
            {"a": Role.REFERENCE, "b": Role.BASELINE, "c": Role.BASELINE},
            "at most one may have role = 'baseline': found b, c",
        ),
        ({"-a": Role.REFERENCE}, "a name must be letters, digits, '.', '_' or '-': found '-a'"),
    ],
)
def test_a_release_that_cannot_be_decided_is_refused(roles, message):
    with pytest.raises(ConfigError, match=message):
        release(**roles)


@pytest.mark.parametrize("name", ["", ".hidden", "a b", "a/b", "é"])
def test_a_name_that_makes_no_folder_is_refused(name):
    for place in ({"name": name}, {"name": "travel", "publisher": name}):
        with pytest.raises(ConfigError, match="beginning with a letter or digit: found"):
            Identity(**place, version=1)


@pytest.mark.parametrize("factory", ["", "package.module", "package.module:", ":factory"])
def test_a_factory_names_a_module_and_what_is_in_it(factory):
    with pytest.raises(ConfigError, match=r"must be 'package\.module:factory': found"):
        RuntimeChoice(factory)


@pytest.mark.parametrize("floor", [0, 1, 80, -0.5, float("nan")])
def test_a_floor_is_a_share_that_can_be_shown(floor):
    with pytest.raises(
        ConfigError, match=r"floor is the share of right .* \(0\.8 is 80 %\): found"
    ):
        Data(Path("eval.jsonl"), floor=floor)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"shots": -1}, "both or neither: found -1 and None"),
        ({"shots": 2}, "both or neither: found 2 and None"),
        ({"shots_from": Path("train.jsonl")}, r"both or neither: found 0 and train\.jsonl"),
        ({"shots": 1, "shots_from": Path("eval.jsonl")}, r"held out: found eval\.jsonl as both"),
        (
            {"ask": Ask.TEXT, "normalize": Normalize.NONE},
            "ask = 'text' has none: leave one of them out, found normalize = 'none'",
        ),
    ],
)
def test_data_that_cannot_be_asked_so_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Data(Path("eval.jsonl"), **fields)


@pytest.mark.parametrize(
    ("chat", "tokens"), [(None, 2049), (True, 4096), (False, 65), (False, 2048), (None, None)]
)
def test_a_context_has_room_for_what_foundry_local_reserves_where_there_are_chats(chat, tokens):
    assert ModelSource(Path("m"), chat=chat, context_tokens=tokens).context_tokens == tokens


@pytest.mark.parametrize(
    ("chat", "tokens", "found"),
    [(None, 2048, "2,048"), (True, 2048, "2,048"), (False, 64, "64"), (False, -1, "-1")],
)
def test_a_context_without_that_room_is_refused(chat, tokens, found):
    with pytest.raises(ConfigError) as raised:
        ModelSource(Path("m"), chat=chat, context_tokens=tokens)
    assert str(raised.value) == (
        "[model] context_tokens must be over 2,048, which Foundry Local reserves for an answer by "
        f"default, or with chat = false over 64: found {found}"
    )
