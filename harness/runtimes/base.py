"""The runtimes' protocol: who answers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from harness.answer import Answer, Messages, Request


def one_line(error: BaseException) -> str:
    """The first line of an error's message that says something, white space collapsed."""
    lines = (" ".join(line.split()) for line in str(error).splitlines())
    return next((line for line in lines if line), "no message")


class Runtime(Protocol):
    """Something that loads one variant and answers requests, one at a time.

    One that can be told how many threads to compute with has `use_threads(threads)`, called before
    `load`.
    Raises LoadError from `load`. `answer` raises nothing for what the engine refuses: it returns an
    Answer with `finish` ERROR and the engine's message.
    """

    def load(self, directory: Path) -> None:
        """Load the onnxruntime-genai folder."""
        ...

    def answer(self, request: Request) -> Answer:
        """Answer one request."""
        ...

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special tokens typed in it included."""
        ...

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids, decoded as a whole and not token by token."""
        ...

    def render(self, messages: Messages) -> str:
        """The prompt that the model's own chat template makes of a chat."""
        ...

    def close(self) -> None:
        """Give back what was loaded."""
        ...
