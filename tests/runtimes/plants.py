"""Runtimes that fail in ways that are, or are not, the model's."""

from collections.abc import Sequence

from harness.answer import Answer, Messages, Request
from harness.errors import InfrastructureError
from harness.runtimes.scripted import Scripted


class DiskFull(Scripted):
    """Finds that the machine cannot go on, at the first request."""

    def answer(self, request: Request) -> Answer:
        raise InfrastructureError("the disk is full")


class RaisesAnything(Scripted):
    """Raises what is no error of the gate's, wherever it is asked."""

    def answer(self, request: Request) -> Answer:
        raise ZeroDivisionError("answer")

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        raise ZeroDivisionError("encode")

    def render(self, messages: Messages) -> str:
        raise ZeroDivisionError("render")


class HoldsContexts(Scripted):
    """Takes 64 KiB for each token of a prompt, and holds them when it is asked to."""

    held = b""

    def answer(self, request: Request) -> Answer:
        self.held = b""
        if request.hold and request.token_ids:
            self.held = bytes([1]) * 65536 * len(request.token_ids)
        return super().answer(request)
