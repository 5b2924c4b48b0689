import json

import pytest

from harness.builders.search_settings import complete_search


@pytest.fixture
def completed(tmp_path):
    def completed(stated, search):
        (tmp_path / "generation_config.json").write_text(json.dumps(stated))
        path = tmp_path / "genai_config.json"
        path.write_text(json.dumps({"model": {}, "search": search}))
        before = path.read_bytes()
        complete_search(tmp_path, tmp_path)
        return json.loads(path.read_text())["search"], path.read_bytes() == before

    return completed


def test_what_the_builder_leaves_out_is_written(completed):
    stated = {"repetition_penalty": 1.1, "do_sample": True, "top_k": None, "eos_token_id": 2}
    search, _ = completed(stated, {"do_sample": True, "repetition_penalty": 1.0, "top_k": 50})
    assert search == {"do_sample": True, "repetition_penalty": 1.1, "top_k": 50}


def test_a_folder_that_lacks_nothing_stays_byte_for_byte(completed):
    assert completed({"do_sample": False, "temperature": 1.0}, {"do_sample": False})[1]


def test_a_source_without_settings_and_a_failed_build_are_left_alone(tmp_path):
    complete_search(tmp_path, tmp_path)
    assert list(tmp_path.iterdir()) == []
