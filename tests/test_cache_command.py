import os
import time

import pytest

from harness.__main__ import main
from harness.cache_command import kept
from harness.store import write_json

KEYS = [letter * 32 for letter in "abc"]
DAY = 24 * 3600


@pytest.fixture
def cache(tmp_path):
    root = tmp_path / "variants"
    recipe = {"precision": "int4", "algorithm": "rtn", "block_size": 32}
    for number, key in enumerate(KEYS):
        made_from = {"recipe": recipe, **({"control": 1} if number else {})}
        (root / key / "model").mkdir(parents=True)
        (root / key / "model" / "model.onnx").write_bytes(b"0" * 2**20)
        write_json(root / key / "variant.json", {"made_from": made_from})
        used = time.time() - number * 10 * DAY
        os.utime(root / key / "variant.json", (used, used))
    for kind in ("replies", "source"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / f"{KEYS[0]}.json").write_text("{}")
    (root / "somebody's own").mkdir()
    return root


def test_what_is_kept_is_listed_with_its_size_and_last_use(cache, capsys):
    assert main(["cache", "--cache", str(cache)]) == 0
    shown = capsys.readouterr().out
    assert "aaaaaaaa" in shown
    assert "control int4 rtn 32" in shown
    assert "replies" in shown
    assert "source" in shown
    assert "somebody" not in shown
    assert len(kept(cache)) == 5


def test_what_was_not_used_for_days_is_removed_alone(cache, capsys):
    assert main(["cache", "--cache", str(cache), "--remove-older", "15"]) == 0
    assert "removed 1 of 5, 1 MiB" in capsys.readouterr().out
    assert sorted(path.name for path in cache.iterdir()) == [*KEYS[:2], "somebody's own"]


def test_all_of_it_is_removed_and_nothing_else(cache, capsys):
    assert main(["cache", "--cache", str(cache), "--clear"]) == 0
    assert "removed 5 of 5, 3 MiB" in capsys.readouterr().out
    assert [path.name for path in cache.iterdir()] == ["somebody's own"]
    assert [*(cache.parent / "source").iterdir()] == []


@pytest.mark.parametrize("days", ["soon", "800000", "nan", "-1"])
def test_a_wrong_number_of_days_removes_nothing(cache, days, capsys):
    with pytest.raises(SystemExit):
        main(["cache", "--cache", str(cache), f"--remove-older={days}"])
    assert "must be a number of days" in capsys.readouterr().err
    assert len(kept(cache)) == 5


def test_a_folder_that_is_not_there_is_told(tmp_path, capsys):
    assert main(["cache", "--cache", str(tmp_path / "none")]) == 4
    assert "found no folder" in capsys.readouterr().err
