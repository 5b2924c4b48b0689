import pytest

from harness.answer import Answer, Request
from harness.candidates import acceptance_chats, generated_chats, publish_candidates
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.policy import Plan
from harness.publish import Published
from harness.release import Identity, Precision, Role
from harness.reply import Reply
from harness.runtimes.isolated import Isolated
from harness.stage import Stage
from harness.variant import Recipe, Variant
from harness.verdict import Decision, VariantVerdict, Verdict

ITEMS = (Item("a", (("user", "Hello"),), "Hi"),)
GO = Verdict(Decision.GO, {"int4": VariantVerdict("int4", Role.CANDIDATE, Decision.GO, ())})


@pytest.fixture
def refused(tmp_path):
    """What is said of a GO candidate with these replies, and the exit status."""
    (tmp_path / "genai_config.json").write_text("{}")
    variant = Variant(Recipe("int4", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")

    def refused(replies, is_chat=True):
        factory = "harness.runtimes.scripted:Scripted"
        with Fleet({"int4": variant}, factory, 60.0, is_chat=is_chat) as fleet:
            stage = Stage(fleet, "fp32", ITEMS, Plan(), "here", replies=replies)
            published, why, status = publish_candidates(
                GO, stage, Identity("travel", 1), tmp_path / "published"
            )
        assert published == {}
        assert not (tmp_path / "published").exists()
        return why["int4"], status

    return refused


def test_a_package_that_no_answer_proves_is_refused(refused):
    why, status = refused({})
    assert status == 7
    assert "require accuracy.accuracy in the policy" in why


def test_a_folder_without_generation_settings_is_refused(refused):
    why, status = refused({"int4": (Reply(Answer(text="Hi")),)})
    assert status == 7
    assert "genai_config.json of int4 must have a table search" in why


def test_a_model_without_chats_is_not_published_and_that_is_no_fault(refused):
    why, status = refused({}, is_chat=False)
    assert status == 0
    assert why.startswith("Foundry Local answers chats, and the model has none: ")


def test_a_package_is_waited_for_as_long_as_the_reference_takes(tmp_path, monkeypatch):
    waited = []

    def publish(package, root, chats, patience):
        waited.append(patience.of([Request(text="Hello", max_new_tokens=512)]))
        return Published("travel:1", root)

    monkeypatch.setattr("harness.candidates.publish", publish)
    monkeypatch.setattr("harness.candidates.manifest_for", lambda *_: None)
    (tmp_path / "genai_config.json").write_text('{"search": {}}')
    variant = Variant(Recipe("int4", Role.CANDIDATE, Precision.INT4), tmp_path, {}, "sha256:0")
    replies = {"int4": (Reply(Answer(text="Hi")),)}
    with Fleet({"int4": variant}, "harness.runtimes.scripted:Scripted", 5.0) as fleet:
        stage = Stage(fleet, "fp32", ITEMS, Plan(), "here", replies=replies)
        publish_candidates(GO, stage, Identity("travel", 1), tmp_path)
        fleet.patience.expect(0.1, 0.4)
        publish_candidates(GO, stage, Identity("travel", 1), tmp_path)
    assert waited == pytest.approx([120, 2050], rel=0.01)


def test_a_package_is_proven_by_one_item_of_each_of_the_first_slices():
    items = [Item(str(n), (("user", f"q{n}"),), "x", slice=str(n // 2)) for n in range(12)]
    chats = acceptance_chats(items, [Reply(Answer(text=f"a{n}")) for n in range(12)])
    assert [(it.messages[0][1], it.expected) for it in chats] == [
        ("q0", "a0"),
        ("q2", "a2"),
        ("q4", "a4"),
        ("q6", "a6"),
    ]


def test_what_was_chosen_and_not_generated_proves_nothing():
    choice = Item("a", (("user", "?"),), "x", scorer=Scorer.CHOICE, choices=("x", "y"))
    written = Item("b", (("user", "!"),), "x")
    [chat] = acceptance_chats([choice, written], [Reply(), Reply(Answer(text="x"))])
    assert (chat.messages, chat.expected) == (written.messages, "x")


def test_a_bank_of_choices_alone_is_answered_for_the_proof(tmp_path):
    items = [
        Item(str(n), (("user", f"q{n}"),), "x", str(n // 2), Scorer.CHOICE, choices=("x", "y"))
        for n in range(12)
    ]
    with Isolated("harness.runtimes.scripted:Scripted", tmp_path) as runtime:
        chats = generated_chats(runtime, "int4", items)
    assert [it.messages[0][1] for it in chats] == ["q0", "q2", "q4", "q6"]
    assert all(it.expected for it in chats)
