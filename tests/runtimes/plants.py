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
