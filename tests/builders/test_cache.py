from collections.abc import Callable
from pathlib import Path

import pytest

from harness.builders.cache import Cache, Staged
from harness.builders.olive import OliveBuilder
from harness.errors import BuildError, InfrastructureError
from harness.variant import Recipe, Variant

Make = Callable[..., Recipe]


def ignore(name: str, stage: str) -> None:
    pass


def staged(staging: Path, content: str = "weights") -> Staged:
    model = staging / "key" / "model"
    model.mkdir(parents=True)
    (model / "genai_config.json").write_text("{}")
    (model / "model.onnx").write_text(content)
    return Staged(staging / "key", {"recipe": "r"}, (), 2.0)


def flip_a_byte(model: Path) -> None:
    path = model / "model.onnx"
    content = bytearray(path.read_bytes())
    content[0] ^= 1
    path.write_bytes(content)


def delete_a_file(model: Path) -> None:
    (model / "genai_config.json").unlink()


def add_a_file(model: Path) -> None:
    (model / "extra.bin").write_text("more")


def cut_the_record(model: Path) -> None:
    record = model.parent / "variant.json"
    record.write_text(record.read_text()[:-20])


def edit_the_record(model: Path) -> None:
    record = model.parent / "variant.json"
    record.write_text(record.read_text().replace('"build_seconds": 1.5', '"build_seconds": 1.0'))


def empty_the_record(model: Path) -> None:
    (model.parent / "variant.json").write_text("{}")


DAMAGE = [
    flip_a_byte,
    delete_a_file,
    add_a_file,
    cut_the_record,
    edit_the_record,
    empty_the_record,
]


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_entry_is_built_anew(
    damage: Callable[[Path], None], builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    first = builder.build([recipe()], checkpoint, ignore)["int4"]
    assert isinstance(first, Variant)
    damage(first.directory)

    second = builder.build([recipe()], checkpoint, ignore)["int4"]

    assert isinstance(second, Variant)
    assert second.build_seconds > 0
    assert second.digest == first.digest
    assert second.directory == first.directory


def test_a_hit_starts_no_process(builder: OliveBuilder, checkpoint: Path, recipe: Make) -> None:
    built = builder.build([recipe()], checkpoint, ignore)["int4"]
    without_process = OliveBuilder(builder.cache, worker="no.such.module")

    hit = without_process.build([recipe()], checkpoint, ignore)["int4"]

    assert isinstance(hit, Variant)
    assert isinstance(built, Variant)
    assert (hit.digest, hit.build_seconds) == (built.digest, 0.0)


def test_a_hit_has_the_recipe_that_asked(
    builder: OliveBuilder, checkpoint: Path, recipe: Make
) -> None:
    builder.build([recipe("one")], checkpoint, ignore)

    hit = builder.build([recipe("other")], checkpoint, ignore)["other"]

    assert isinstance(hit, Variant)
    assert hit.name == "other"


def test_who_comes_second_uses_the_entry_of_the_first(tmp_path: Path, recipe: Make) -> None:
    cache = Cache(tmp_path)
    with cache.staging() as one, cache.staging() as two:
        mine, theirs = staged(one), staged(two)
        first = cache.admit("key", recipe(), theirs)
        second = cache.admit("key", recipe(), mine)

    assert second.files == first.files
    assert cache.find("key", recipe()) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_an_entry_that_is_found_damaged_is_replaced(tmp_path: Path, recipe: Make) -> None:
    cache = Cache(tmp_path)
    with cache.staging() as staging:
        flip_a_byte(cache.admit("key", recipe(), staged(staging)).directory)
    with cache.staging() as staging:
        cache.admit("key", recipe(), staged(staging))

    assert cache.find("key", recipe()) is not None
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


@pytest.mark.parametrize("missing", ["genai_config.json", "model.onnx"])
def test_what_is_no_model_is_not_admitted(missing: str, tmp_path: Path, recipe: Make) -> None:
    cache = Cache(tmp_path)
    with cache.staging() as staging:
        half = staged(staging)
        (half.model / missing).unlink()
        with pytest.raises(BuildError, match="finished without a model"):
            cache.admit("key", recipe(), half)

    assert list(tmp_path.iterdir()) == []


def test_a_staging_area_of_a_dead_process_is_swept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.staging() as mine:
        host, process, _ = mine.name.rsplit("-", 2)
        alive = tmp_path / f"{host}-{process}-another"
        dead = tmp_path / f"{host}-{2**22 + 1}-x"  # above what Linux gives to any process
        other_host = tmp_path / ".staging-elsewhere-1-x"
        for directory in (alive, dead, other_host):
            directory.mkdir()
        with cache.staging():
            assert (alive.exists(), dead.exists(), other_host.exists()) == (True, False, True)


def test_a_cache_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with (
        pytest.raises(InfrastructureError, match="must be a directory that can be written"),
        Cache(file / "cache").staging(),
    ):
        pass
