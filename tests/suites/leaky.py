"""Runtimes without a model that leave memory behind, or cannot say how much they take."""

from collections.abc import Sequence
from pathlib import Path

from harness.answer import Answer, Finish, Request
from harness.probes import memory
from harness.runtimes.scripted import Scripted

KEPT_BYTES = 4096
MODEL_BYTES = 8 << 20


class Keeps(Scripted):
    """Loads a model of 8 MiB, and keeps what `keep` is called for."""

    def __init__(self) -> None:
        super().__init__()
        self.model = b""
        self.kept: list[bytes] = []

    def load(self, directory: Path) -> None:
        super().load(directory)
        self.model = bytes([1]) * MODEL_BYTES

    def close(self) -> None:
        self.model = b""

    def keep(self, size: int = KEPT_BYTES) -> None:
        self.kept.append(bytes([1]) * size)


class KeepsAnswers(Keeps):
    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if answer.finish is Finish.LENGTH and request.fresh:
            self.keep()
        return answer


class KeepsEnds(Keeps):
    """Keeps something of every answer that ends before its room does."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if answer.finish is Finish.STOP:
            self.keep()
        return answer


class KeepsLongPrompts(Keeps):
    """Keeps something of every prompt over 100 characters."""

    size = KEPT_BYTES

    def answer(self, request: Request) -> Answer:
        if request.messages and len(request.messages[-1][1]) > 100:
            self.keep(self.size)
        return super().answer(request)


class KeepsALittleOfLongPrompts(KeepsLongPrompts):
    size = 600


class KeepsRefusals(Keeps):
    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if answer.finish is Finish.ERROR:
            self.keep()
        return answer


class KeepsTexts(Keeps):
    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        self.keep()
        return super().encode(texts)

    def _prompt(self, request: Request) -> list[int]:
        return list(request.token_ids or (1, 2, 3))


class KeepsEverSlower(Keeps):
    """Keeps less of each answer than of the one before."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if answer.finish is Finish.LENGTH and request.fresh and request.max_new_tokens > 2:
            self.keep(int(4e7 / (self.answered + 20) ** 1.5))
        return answer


class KeepsTheModel(Keeps):
    """Holds on to every model that it was told to close."""

    def close(self) -> None:
        self.kept.append(self.model)


class HoldsContexts(Keeps):
    """Takes 64 KiB for each token of a prompt, and holds them when it is asked to."""

    held = b""

    def answer(self, request: Request) -> Answer:
        self.held = b""
        if request.hold and request.token_ids:
            self.held = bytes([1]) * 65536 * (len(request.token_ids) + request.max_new_tokens)
        return super().answer(request)


class Uncounted(Keeps):
    """Runs on a system that does not tell of heaps, and of nothing but resident pages."""

    def load(self, directory: Path) -> None:
        super().load(directory)
        memory._heap_bytes = lambda: None
        memory.parse_status = lambda status: memory.Memory(None, None, 1, None, source="rss")
        memory._own_peak_bytes = lambda: None
