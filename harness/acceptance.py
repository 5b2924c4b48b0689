"""The proof that a package works where devices will run it: chats, in the real Foundry Local."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.answer import Answer, Finish, Messages, Request
from harness.errors import (
    CrashError,
    HangError,
    InfrastructureError,
    LoadError,
    PublishError,
    RequestError,
)
from harness.manifest import Manifest
from harness.patience import Patience
from harness.prompt_template import derive, undated
from harness.release import FOUNDRY_LOCAL, ONNXRUNTIME_GENAI
from harness.runtimes.isolated import Isolated

_REFUSALS = (LoadError, RequestError, CrashError)


@dataclass(frozen=True, slots=True)
class Chat:
    """A question with the answer that the harness's own runtime gave, greedily."""

    messages: Messages
    expected: str
    max_new_tokens: int = 64


def accept(
    folder: Path, manifest: Manifest, chats: Sequence[Chat], patience: Patience | float = 120.0
) -> None:
    """Have Foundry Local register, load and ask the package; nothing in the folder is changed.

    Every chat must be answered with the expected text, from a prompt of as many tokens as the
    folder's own chat template gives, and the manifest's PromptTemplate must say the same as that.
    Each runtime has a child process, and patience, or its seconds, for the load and each answer.
    Raises PublishError for the first thing that does not hold, InfrastructureError if a runtime
    does not start on this machine, or if nothing came of it in time: that is no refusal.
    """
    if not chats:
        raise ValueError("acceptance needs at least one chat")
    try:
        expected_tokens = _prompt_tokens(folder, manifest, chats, patience)
        answers = _answers(folder, manifest, chats, patience)
    except HangError as error:
        raise InfrastructureError(f"{manifest.model_id} is not proven: {error}") from error
    except _REFUSALS as error:
        raise PublishError(f"{manifest.model_id} is refused: {error}") from error
    for chat, answer, tokens in zip(chats, answers, expected_tokens, strict=True):
        _compare(manifest.model_id, chat, answer, tokens)


def _prompt_tokens(
    folder: Path, manifest: Manifest, chats: Sequence[Chat], patience: Patience | float
) -> list[int]:
    """Prompt lengths by the folder's own template, which must be the manifest's too."""
    with Isolated(ONNXRUNTIME_GENAI, folder, patience=patience, label=manifest.model_id) as runtime:
        derived = derive(lambda messages: runtime.render([messages])[0])
        if undated(derived) != undated(manifest.prompt_template):
            raise PublishError(
                f"{manifest.model_id}: PromptTemplate and chat_template.jinja make different "
                "prompts: derive the manifest from the variant that is published"
            )
        prompts = runtime.render([chat.messages for chat in chats])
        return [len(ids) for ids in runtime.encode(prompts)]


def _answers(
    folder: Path, manifest: Manifest, chats: Sequence[Chat], patience: Patience | float
) -> list[Answer]:
    plan = [Request(chat.messages, max_new_tokens=chat.max_new_tokens) for chat in chats]
    with Isolated(FOUNDRY_LOCAL, folder, patience=patience, label=manifest.model_id) as runtime:
        return runtime.run(plan)


def _compare(model_id: str, chat: Chat, answer: Answer, prompt_tokens: int) -> None:
    question = f"{model_id}, asked {chat.messages[-1][1]!r}"
    if answer.finish == Finish.ERROR:
        raise PublishError(f"{question}: {answer.error}")
    if answer.prompt_tokens != prompt_tokens:
        raise PublishError(
            f"{question}: Foundry Local makes a prompt of {answer.prompt_tokens} tokens, "
            f"the chat template one of {prompt_tokens}"
        )
    if answer.text != chat.expected:
        raise PublishError(
            f"{question}: Foundry Local answers {answer.text!r}, the harness {chat.expected!r}"
        )
