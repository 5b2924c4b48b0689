"""Publishing: the accepted package, every way to be refused, and that refusal leaves nothing."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.acceptance import Chat
from harness.answer import Request
from harness.errors import InfrastructureError, PublishError
from harness.manifest import manifest_for
from harness.publish import Package, publish, verify
from harness.release import ONNXRUNTIME_GENAI, Identity, Precision, Role
from harness.runtimes.isolated import Isolated
from harness.store import digest_file, digest_files, digest_of, read_json
from harness.variant import Recipe, Variant
from harness.verdict import Decision, VariantVerdict

IDENTITY = Identity("travel", 1, "contoso", "Answers travel questions.")
GO = VariantVerdict("int4", Role.CANDIDATE, Decision.GO, ())
QUESTIONS = (
    (("user", "Hello"),),
    (("system", "You are a travel concierge."), ("user", "What is the price of the room?")),
)
PHI = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}<|assistant|>"


def taken(directory):
    files = digest_files(directory)
    recipe = Recipe("int4", Role.CANDIDATE, Precision.INT4)
    return Variant(recipe, directory, files, digest_of(files))


@pytest.fixture(scope="module")
def measured(embedded):
    """The manifest of the int4 variant and the harness's own answers, made once."""
    variant = taken(embedded["int4"])
    search = read_json(variant.directory / "genai_config.json")["search"]
    with Isolated(ONNXRUNTIME_GENAI, variant.directory) as runtime:
        manifest = manifest_for(GO, variant, IDENTITY, lambda it: runtime.render([it])[0], search)
        answers = runtime.run([Request(messages=it, max_new_tokens=16) for it in QUESTIONS])
    pairs = zip(QUESTIONS, answers, strict=True)
    return manifest, tuple(Chat(messages, answer.text, 16) for messages, answer in pairs)


@pytest.fixture
def chats(measured):
    return measured[1]


@pytest.fixture
def folder(embedded, tmp_path):
    return Path(shutil.copytree(embedded["int4"], tmp_path / "variant"))


@pytest.fixture
def package(measured, folder):
    return Package(taken(folder), measured[0])


@pytest.fixture
def root(tmp_path):
    return tmp_path / "published"


def refused(package, root, chats, reason):
    """Publishing is refused for this reason, in one line, and nothing is left."""
    with pytest.raises(PublishError, match=reason) as error:
        publish(package, root, chats)
    assert "\n" not in str(error.value)
    assert not root.exists()


def test_an_accepted_package_is_whole_and_in_its_place(package, root, chats):
    published = publish(package, root, chats)
    assert published.path == root / "contoso" / "travel-int4-generic-cpu" / "v1"
    assert published.model_id == verify(published.path) == "travel-int4-generic-cpu:1"
    assert not published.already
    own = {"inference_model.json", "release.json"}
    found = digest_files(published.path)
    assert found.keys() == package.variant.files.keys() | own
    assert all(found[name] == value for name, value in package.variant.files.items())
    assert read_json(published.path / "inference_model.json") == package.manifest.to_json()
    assert [it.name for it in published.path.parent.iterdir()] == ["v1"]


def test_the_record_holds_the_digest_of_every_other_file(package, root, chats):
    path = publish(package, root, chats).path
    record = read_json(path / "release.json")
    found = digest_files(path)
    del found["release.json"]
    assert record["files"] == found
    assert record["digest"] == package.variant.digest
    assert record["model_id"] == "travel-int4-generic-cpu:1"


def test_everyone_may_read_what_is_published(package, root, chats, folder):
    folder.chmod(0o700)
    (folder / "genai_config.json").chmod(0o600)
    path = publish(package, root, chats).path
    assert path.stat().st_mode & 0o777 == 0o755
    assert {it.stat().st_mode & 0o777 for it in path.iterdir()} == {0o644}


def test_what_is_published_does_not_change_with_its_source(package, root, chats, folder):
    path = publish(package, root, chats).path
    (folder / "model.onnx.data").write_bytes(b"other")
    verify(path)


def test_publishing_again_changes_nothing(package, root, chats):
    first = publish(package, root, chats)
    before = {it: it.stat().st_mtime_ns for it in first.path.iterdir()}
    second = publish(package, root, chats)
    assert second == replace(first, already=True)
    assert {it: it.stat().st_mtime_ns for it in first.path.iterdir()} == before


def test_another_version_is_published_beside(package, root, chats):
    publish(package, root, chats)
    other = replace(package, manifest=replace(package.manifest, version=2))
    path = publish(other, root, chats).path
    assert sorted(it.name for it in path.parent.iterdir()) == ["v1", "v2"]


def test_a_template_that_writes_the_date_is_the_same_on_another_day(
    package, root, chats, monkeypatch
):
    def saying(text):
        template = package.manifest.prompt_template
        other = replace(template, prompt=f"{text}{template.prompt}")
        return replace(package, manifest=replace(package.manifest, prompt_template=other))

    monkeypatch.setattr("harness.publish.accept", lambda *_: None)  # the folder says no date
    publish(saying("Today: 30 Nov 2026. "), root, chats)
    assert publish(saying("Today: 1 Dec 2026. "), root, chats).already
    with pytest.raises(PublishError, match="already published with other content"):
        publish(saying("Tomorrow: 1 Dec 2026. "), root, chats)


@pytest.mark.parametrize("change", ["file", "manifest"])
def test_other_content_under_a_published_version_is_refused(package, root, chats, folder, change):
    path = publish(package, root, chats).path
    before = digest_files(path)
    if change == "file":
        (folder / "tokenizer_config.json").write_text("{}")
        package = replace(package, variant=taken(folder))
    else:
        package = replace(package, manifest=replace(package.manifest, description="Other"))
    with pytest.raises(PublishError, match=r"already published with other content.*: raise the"):
        publish(package, root, chats)
    assert digest_files(path) == before


def test_a_published_package_that_was_damaged_is_named(package, root, chats):
    path = publish(package, root, chats).path
    (path / "model.onnx.data").write_bytes(b"damaged")
    with pytest.raises(PublishError, match=r"model\.onnx\.data changed since its digest"):
        publish(package, root, chats)


@pytest.mark.parametrize("change", ["weights", "an added file"])
def test_a_published_package_that_was_changed_with_its_record_is_refused(
    package, root, chats, change
):
    path = publish(package, root, chats).path
    name = "model.onnx.data" if change == "weights" else "extra.bin"
    (path / name).write_bytes(b"swapped")
    record = read_json(path / "release.json")
    record["files"] = {it: of for it, of in digest_files(path).items() if it != "release.json"}
    (path / "release.json").write_text(json.dumps(record))
    assert verify(path) == "travel-int4-generic-cpu:1"  # it is whole by its own record
    with pytest.raises(PublishError, match=f"{name} is not the one that was judged"):
        publish(package, root, chats)


def test_another_answer_is_refused(package, root, chats):
    other = (chats[0], replace(chats[1], expected="something else"))
    refused(package, root, other, "the price of the room.*the harness 'something else'")


def test_a_file_that_changed_after_its_digest_was_taken_stops(package, root, chats, folder):
    with (folder / "model.onnx.data").open("r+b") as file:
        file.seek(4096)
        file.write(bytes(4096))
    refused(package, root, chats, r"model\.onnx\.data changed since its digest was taken, 1 of")


def test_a_file_that_disappeared_stops(package, root, chats, folder):
    (folder / "tokenizer.json").unlink()
    refused(package, root, chats, r"tokenizer\.json is missing since its digest was taken")


def test_a_file_that_was_added_stops(package, root, chats, folder):
    (folder / "adapter.onnx_adapter").write_bytes(b"")
    refused(package, root, chats, r"adapter\.onnx_adapter was added since its digest was taken")


def test_missing_weights_are_refused(package, root, chats, folder):
    (folder / "model.onnx.data").unlink()
    refused(replace(package, variant=taken(folder)), root, chats, "is refused: .*model.onnx.data")


def test_a_template_that_the_engine_cannot_read_is_refused(package, root, chats, folder):
    template = folder / "chat_template.jinja"
    text = template.read_text(encoding="utf-8")
    template.write_text(text + "{{ messages[0]['content'].swapcase() }}", encoding="utf-8")
    refused(replace(package, variant=taken(folder)), root, chats, "swapcase")


def test_another_familys_template_is_refused(package, root, chats, folder):
    (folder / "chat_template.jinja").write_text(PHI, encoding="utf-8")
    other = replace(package, variant=taken(folder))
    refused(other, root, chats, "PromptTemplate and chat_template.jinja make different prompts")


def test_an_unfinished_download_is_refused(package, root, chats, folder):
    (folder / "download.tmp").touch()
    refused(replace(package, variant=taken(folder)), root, chats, r"remove download\.tmp")


def test_a_full_disk_is_the_machines_fault_and_leaves_nothing(package, root, chats, monkeypatch):
    def full(source, target):
        Path(target).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(InfrastructureError, match="cannot be published: No space left") as error:
        publish(package, root, chats)
    assert "\n" not in str(error.value)
    assert not root.exists()


def test_who_is_too_slow_to_be_proven_is_not_refused(package, root, chats, monkeypatch):
    monkeypatch.setattr("harness.acceptance._prompt_tokens", lambda *_: [1, 1])
    monkeypatch.setattr(
        "harness.acceptance.FOUNDRY_LOCAL", "harness.runtimes.scripted:HangingOnLoad"
    )
    with pytest.raises(InfrastructureError, match=r"is not proven: .*no progress within 0\.9 s"):
        publish(package, root, chats, patience=0.9)
    assert not root.exists()


def test_an_interruption_leaves_nothing(package, root, chats, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.publish.accept", interrupt)
    with pytest.raises(KeyboardInterrupt):
        publish(package, root, chats)
    assert not root.exists()


def test_what_a_killed_publishing_left_is_swept_once_it_is_old(package, root, chats):
    place = package.path(root)
    old, new = (place.parent / f".{place.name}.{name}" for name in ("old", "new"))
    for left in (old, new):
        left.mkdir(parents=True)
    os.utime(old, (0, 0))
    publish(package, root, chats)
    assert not old.exists()
    assert new.exists()


def test_what_others_published_stays_when_a_package_is_refused(package, root, chats):
    other = root / "contoso" / "other" / "v1"
    other.mkdir(parents=True)
    with pytest.raises(PublishError):
        publish(package, root, (replace(chats[0], expected="no"),))
    assert list((root / "contoso").iterdir()) == [other.parent]


def test_nothing_is_published_unasked(package, root):
    with pytest.raises(ValueError, match="at least one chat"):
        publish(package, root, ())
    assert not root.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no readable package"),
        ('{"Name": ', "no readable package"),
        ('{"name": "travel-int4-generic-cpu:1"}', "as Name: found None"),
        ('{"Name": "travel:1"}', "as Name: found 'travel:1'"),
    ],
)
def test_reading_back_finds_a_bad_manifest(tmp_path, content, reason):
    files = {}
    if content is not None:
        (tmp_path / "inference_model.json").write_text(content)
        files = {"inference_model.json": digest_file(tmp_path / "inference_model.json")}
    record = {"model_id": "travel-int4-generic-cpu:1", "files": files}
    (tmp_path / "release.json").write_text(json.dumps(record))
    with pytest.raises(PublishError, match=reason):
        verify(tmp_path)
