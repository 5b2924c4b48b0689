"""Foundry Local, in process: the runtime that devices get, asked for the same greedy answers."""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from time import perf_counter_ns, process_time_ns
from typing import TYPE_CHECKING

import numpy as np

from harness.answer import Answer, Finish, Messages, Request
from harness.errors import InfrastructureError, LoadError, RequestError
from harness.runtimes.base import one_line

if TYPE_CHECKING:
    from foundry_local_sdk import FoundryLocalManager, IModel, Response, StreamingResponse
    from foundry_local_sdk import Request as ChatRequest

UNNAMED = "unnamed:0"
"""The id of a folder that carries no manifest."""

_SIGNATURE = re.compile(r"^\S+\.(?:cc|h):\d+ .*?\) (?:const )?")  # source line and C++ function


class FoundryLocal:
    """The Runtime of `foundry_local_sdk`, in a cache of its own that nothing else has touched.

    The folder is registered under the ``Name`` of its inference_model.json, so that loading proves
    the manifest's name too. Only chats can be asked: the runtime renders and encodes by itself and
    gives no token ids, so `token_ns` holds the time of every streamed chunk of text instead, and
    `prompt_tokens` its own count. One instance a process: the runtime's manager is a singleton.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._manager: FoundryLocalManager | None = None
        self._model: IModel | None = None

    def load(self, directory: Path) -> None:
        """Register the folder in a fresh cache and load it.

        Raises LoadError if Foundry Local refuses it, InfrastructureError if it does not start.
        """
        name = registered_name(directory)
        with ExitStack() as undo:
            undo.callback(self.close)
            self._folder = _fresh_folder()
            self._manager = _start(self._folder)
            self._model = _loaded(self._manager, directory, name)
            undo.pop_all()

    @property
    def model_id(self) -> str:
        """The id under which Foundry Local lists the model; "" before loading."""
        return str(self._model.info.id) if self._model else ""

    def answer(self, request: Request) -> Answer:
        """Answer one chat in a session of its own (sessions remember their turns).

        With `defaults` no option is set, not even the answer's length: cancel it to bound it.
        """
        started, cpu = perf_counter_ns(), process_time_ns()
        try:
            answer = self._chat(request)
        except RequestError as error:
            answer = Answer(finish=Finish.ERROR, error=str(error))
        ended = perf_counter_ns()
        return replace(answer, started_ns=started, ended_ns=ended, cpu_ns=process_time_ns() - cpu)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Not possible: Foundry Local gives no tokenizer. Raises RequestError."""
        raise RequestError("Foundry Local encodes no text by itself: ask the reference runtime")

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Not possible: Foundry Local gives no tokenizer. Raises RequestError."""
        raise RequestError("Foundry Local decodes no tokens: ask the reference runtime")

    def render(self, messages: Messages) -> str:
        """Not possible: Foundry Local gives no rendered prompt. Raises RequestError."""
        raise RequestError("Foundry Local shows no rendered prompt: ask the reference runtime")

    def close(self) -> None:
        """Unload, end the manager and remove the cache; nothing happens the second time."""
        self._model = None  # the manager unloads what is loaded when it ends
        if self._manager is not None:
            self._manager.close()
            self._manager = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _chat(self, request: Request) -> Answer:
        from foundry_local_sdk import ChatSession, FoundryLocalException

        if self._model is None:
            raise ValueError("load a folder before asking")
        chat = _chat_request(request)
        try:
            with ChatSession(self._model) as session:
                session.set_streaming(True)
                with session.process_streaming_request(chat) as stream:
                    if request.cancel_after is not None:
                        return _cancelled(stream, request.cancel_after)
                    times = [perf_counter_ns() for _ in stream]
                    with stream.final_response as response:
                        return replace(_answer(response), token_ns=np.array(times, np.int64))
        except FoundryLocalException as error:
            raise RequestError(f"Foundry Local refused the request: {_reason(error)}") from error


def registered_name(directory: Path) -> str:
    """The id that the folder's inference_model.json asks for, read as Foundry Local reads it.

    Only a string ``Name`` counts, and a name without a version gets ``:0``. A file that cannot be
    read raises LoadError, because Foundry Local skips such a folder without a word.
    """
    path = directory / "inference_model.json"
    if not path.exists():
        return UNNAMED
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["Name"]
    except (ValueError, LookupError, TypeError) as error:
        raise LoadError(f'inference_model.json gives no "Name": {error!r}') from error
    if not isinstance(name, str):
        raise LoadError(f'inference_model.json must give "Name" as a string: found {name!r}')
    return name if ":" in name else f"{name}:0"


def _fresh_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="foundry-"))
    except OSError as error:
        raise InfrastructureError(f"Foundry Local gets no cache: {one_line(error)}") from error


def _start(folder: Path) -> "FoundryLocalManager":
    try:
        from foundry_local_sdk import Configuration, FoundryLocalManager, LogLevel

        configuration = Configuration(
            app_name="release-gate",
            app_data_dir=str(folder / "data"),
            model_cache_dir=str(folder / "models"),
            logs_dir=str(folder / "logs"),
            log_level=LogLevel.FATAL,  # what goes wrong is raised too
            disable_nonessential_telemetry=True,
        )
        with _no_upload():
            return FoundryLocalManager(configuration)
    except Exception as error:  # no model is loaded yet, so that none can be to blame
        raise InfrastructureError(f"Foundry Local does not start: {_reason(error)}") from error


def _loaded(manager: "FoundryLocalManager", directory: Path, name: str) -> "IModel":
    from foundry_local_sdk import CatalogType, FoundryLocalException, ModelInfoBuilder

    metadata = ModelInfoBuilder().set_string_property("task", "chat-completion")
    try:
        # The public catalog would ask the network, and offline wait seconds for no answer.
        catalog = manager.get_catalog(CatalogType.LOCAL)
        catalog.register_model(directory, name, metadata)
        model = catalog.get_model_variant(name)
        if model is None:
            raise LoadError(f"Foundry Local does not list the package that it took as {name!r}")
        model.load()
    except FoundryLocalException as error:
        raise LoadError(f"Foundry Local does not load the package: {_reason(error)}") from error
    return model


@contextmanager
def _no_upload() -> Iterator[None]:
    """Keep the runtime from sending anything while its manager is made.

    `disable_nonessential_telemetry` still uploads one ProcessInfo event, and waits about a second
    for it when the manager ends; the upload is off only where ``CI`` is set.
    """
    before = os.environ.get("CI")
    os.environ["CI"] = "true"
    try:
        yield
    finally:
        if before is None:
            del os.environ["CI"]
        else:
            os.environ["CI"] = before


def _chat_request(request: Request) -> "ChatRequest":
    from foundry_local_sdk import MessageItem, MessageRole, RequestOptions, SearchOptions
    from foundry_local_sdk import Request as ChatRequest

    _refuse_what_it_cannot(request)
    assert request.messages is not None
    chat = ChatRequest()
    for role, content in request.messages:
        if role.upper() not in MessageRole.__members__:
            raise RequestError(f"Foundry Local knows no role {role!r}")
        chat.add_item(MessageItem(MessageRole[role.upper()], content))
    if request.defaults:
        return chat
    # Without do_sample=False it samples, whatever genai_config.json says.
    search = SearchOptions(do_sample=False, max_output_tokens=request.max_new_tokens)
    if request.sampling is not None:
        search = SearchOptions(
            do_sample=True,
            max_output_tokens=request.max_new_tokens,
            temperature=request.sampling.temperature,
            top_p=request.sampling.top_p,
            top_k=request.sampling.top_k,
            seed=request.sampling.seed,
        )
    return chat.set_options(RequestOptions(search=search))


def _refuse_what_it_cannot(request: Request) -> None:
    if request.messages is None or request.is_scored or not request.stop_at_end:
        raise RequestError(
            "Foundry Local answers chats that stop at the end token: "
            "no plain text, token ids, scores or fixed lengths"
        )
    if request.keep_prefix or request.watch:
        raise RequestError("Foundry Local keeps no prefix by request, and shows no logits to watch")
    if request.sampling is not None and request.sampling.repetition_penalty is not None:
        raise RequestError("Foundry Local has no repetition_penalty among its options")


def _cancelled(stream: "StreamingResponse", after: int) -> Answer:
    """What was streamed until it was cancelled; an answer that ended sooner has its own end."""
    from foundry_local_sdk import TextItem

    pieces: list[str] = []
    times: list[int] = []
    for item in stream:
        times.append(perf_counter_ns())
        pieces.append(item.text if isinstance(item, TextItem) else "")
        if len(times) == after:
            break
    else:
        with stream.final_response as response:
            return replace(_answer(response), token_ns=np.array(times, np.int64))
    return Answer(text="".join(pieces), finish=Finish.CANCELLED, token_ns=np.array(times, np.int64))


def _answer(response: "Response") -> Answer:
    """Text, end and prompt length of a finished response.

    An end token that is also the last one allowed counts as LENGTH: so the runtime counts.
    """
    from foundry_local_sdk import FinishReason, MessageItem, TextItem

    messages = [item for item in response if isinstance(item, MessageItem)]
    parts = [part for message in messages for part in message.parts]
    text = "".join(part.text for part in parts if isinstance(part, TextItem))
    usage, reason = response.get_usage(), response.finish_reason
    finish = {FinishReason.STOP: Finish.STOP, FinishReason.LENGTH: Finish.LENGTH}.get(reason)
    if finish is None:
        raise RequestError(f"Foundry Local ended the answer without an end: {reason.name}")
    return Answer(text=text, finish=finish, prompt_tokens=usage.prompt_tokens)


def _reason(error: Exception) -> str:
    """The message's first line (more is a trace), without the C++ function that it begins with."""
    return _SIGNATURE.sub("", one_line(error)).rstrip(" :")
