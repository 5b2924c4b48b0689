"""Publishes the candidates of a release that are GO, each proven in Foundry Local first."""

from collections.abc import Sequence
from pathlib import Path

from harness.acceptance import Chat
from harness.bank import question, some_of_every_slice
from harness.errors import HarnessError, PublishError
from harness.exam import require_answers
from harness.item import Item, Scorer
from harness.manifest import manifest_for
from harness.publish import Package, Published, publish
from harness.release import ONNXRUNTIME_GENAI, Identity
from harness.reply import Reply
from harness.report import PublishedReport
from harness.runtimes.isolated import Isolated
from harness.stage import Stage
from harness.store import read_json
from harness.variant import Variant
from harness.verdict import Verdict

_CHATS = 4
_LEAST_SECONDS = 120.0  # Foundry Local's start is not what is on trial
_NO_CHATS = (
    "Foundry Local answers chats, and the model has none: ship the folder with an application that "
    "asks onnxruntime-genai for plain text"
)


def publish_candidates(
    verdict: Verdict, stage: Stage, identity: Identity, root: Path
) -> tuple[dict[str, PublishedReport], dict[str, str], int]:
    """Packages by candidate, why others were refused, and the exit status of the first refusal.

    A refusal of one does not take back another's package: each is a model of its own. A model
    without chats is not published, which is no fault: the status says nothing of it.
    """
    if not stage.fleet.is_chat:
        return {}, dict.fromkeys(verdict.publishable, _NO_CHATS), 0
    published: dict[str, PublishedReport] = {}
    refused: dict[str, str] = {}
    status = 0
    for name in verdict.publishable:
        try:
            done = _publish(name, verdict, stage, identity, root)
        except HarnessError as error:
            refused[name] = str(error)
            status = status or error.exit_status
        else:
            published[name] = PublishedReport(done.model_id, str(done.path))
    return published, refused, status


def _publish(
    name: str, verdict: Verdict, stage: Stage, identity: Identity, root: Path
) -> Published:
    variant = stage.fleet.variant(name)
    if name not in stage.replies:
        raise PublishError(
            f"{name} was asked no domain item, so there are no answers to prove the package by: "
            "require accuracy.accuracy in the policy"
        )
    generation = _generation(variant)
    patience = stage.fleet.patience.at_least(_LEAST_SECONDS)
    with Isolated(ONNXRUNTIME_GENAI, variant.directory, patience=patience, label=name) as runtime:
        manifest = manifest_for(
            verdict.variants[name],
            variant,
            identity,
            lambda messages: runtime.render([messages])[0],
            generation,
        )
        chats = acceptance_chats(stage.items, stage.replies[name])
        chats = chats or generated_chats(runtime, name, stage.items)
    return publish(Package(variant, manifest), root, chats, patience)


def _generation(variant: Variant) -> dict[str, object]:
    """The generation settings that the package ships; PublishError where it has none."""
    found = read_json(variant.directory / "genai_config.json").get("search")
    if not isinstance(found, dict):
        raise PublishError(f"genai_config.json of {variant.name} must have a table search")
    return found


def acceptance_chats(items: Sequence[Item], replies: Sequence[Reply]) -> tuple[Chat, ...]:
    """The first item asked of each of the first few slices, with the answer that was measured.

    Multiple choice is left out: nothing was generated.
    """
    first: dict[str, Chat] = {}
    for item, reply in zip(items, replies, strict=False):
        if item.scorer is not Scorer.CHOICE:
            chat = Chat(item.messages, reply.answer.text, item.max_new_tokens)
            first.setdefault(item.slice, chat)
    return tuple(first.values())[:_CHATS]


def generated_chats(runtime: Isolated, name: str, items: Sequence[Item]) -> tuple[Chat, ...]:
    """Chats of a bank that offers choices only, answered now."""
    asked = some_of_every_slice(items, 1)[:_CHATS]
    answers = require_answers(name, runtime.run([question(item) for item in asked]))
    pairs = zip(asked, answers, strict=True)
    return tuple(Chat(it.messages, answer.text, it.max_new_tokens) for it, answer in pairs)
