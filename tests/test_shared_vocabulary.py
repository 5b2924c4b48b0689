import json
import shutil

import pytest

from harness.fleet import Fleet
from harness.release import Precision, Role
from harness.shared_vocabulary import vocabulary_differences
from harness.variant import Recipe, Variant
from tests import damage

ENGINE = "harness.runtimes.ort_genai:OrtGenAI"
EXPECTING = "tests.suites.expecting:Expecting"


def differing(factory, **directories):
    recipes = {name: Recipe(name, Role.CANDIDATE, Precision.FP32) for name in directories}
    variants = {
        name: Variant(recipes[name], path, {}, "sha256:0") for name, path in directories.items()
    }
    with Fleet(variants, factory, 60.0) as fleet:
        found = vocabulary_differences(fleet, "int4", "fp32")
    return {part: count for part, count in found.items() if count}


@pytest.fixture
def changed(embedded, tmp_path):
    return shutil.copytree(embedded["int4"], tmp_path / "int4")


def test_variants_of_one_model_share_its_vocabulary(embedded):
    assert differing(ENGINE, fp32=embedded["fp32"], int4=embedded["int4"]) == {}


def test_lost_merges_are_seen_in_texts(embedded, changed):
    damage.forget_merges(changed)
    found = differing(ENGINE, fp32=embedded["fp32"], int4=changed)
    assert "JSON" in found
    assert "added tokens" not in found


def test_another_end_is_seen(embedded, changed):
    damage.never_stop(changed)
    assert differing(ENGINE, fp32=embedded["fp32"], int4=changed) == {"the end tokens": 1}


def test_an_added_token_that_is_none_any_more_is_seen(embedded, changed):
    path = changed / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["added_tokens"][1]["content"] = "<|begin|>"
    path.write_text(json.dumps(tokenizer))
    assert differing(ENGINE, fp32=embedded["fp32"], int4=changed)["added tokens"] == 1


def test_another_number_of_logits_is_seen(tmp_path):
    for name in ("fp32", "int4"):
        (tmp_path / name).mkdir()
    (tmp_path / "int4" / "expecting.json").write_text('{"width": 300}')
    found = differing(EXPECTING, fp32=tmp_path / "fp32", int4=tmp_path / "int4")
    assert found == {"the number of tokens": 1}
