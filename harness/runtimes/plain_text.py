"""A model without chats: its prompts are plain text, whichever engine answers."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.answer import Answer, Finish, Messages, Request, is_question
from harness.errors import RequestError
from harness.probes.first_token import read_first_token
from harness.runtimes.base import Runtime


class PlainText:
    """A runtime that renders no chat: a question is its content as it stands, after the token that
    the model's own tokenizer puts before every text, where it puts one.

    That token is written as text, which every engine reads as the token itself, as it does in the
    prompts of chat templates. A blank that a tokenizer puts before the first word of a text alone
    is then missing, as it is there.
    """

    def __init__(self, runtime: Runtime) -> None:
        """`runtime` does all else."""
        self._runtime = runtime
        self._first_token = ""

    def load(self, directory: Path) -> None:
        """Load the folder; raises LoadError."""
        self._first_token = read_first_token(directory)
        self._runtime.load(directory)

    def answer(self, request: Request) -> Answer:
        """Answer one request; a chat of several turns is refused, which is an answer too."""
        if request.messages is None:
            return self._runtime.answer(request)
        try:
            text = self.render(request.messages)
        except RequestError as error:
            return Answer(finish=Finish.ERROR, error=str(error))
        return self._runtime.answer(replace(request, messages=None, text=text))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text and nothing before it; raises RequestError."""
        return self._runtime.encode(texts)

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids; raises RequestError."""
        return self._runtime.decode(sequences)

    def render(self, messages: Messages) -> str:
        """The prompt of a question; raises RequestError for any other chat."""
        if not is_question(messages):
            roles = " + ".join(role for role, _ in messages) or "no message"
            raise RequestError(f"a model without chats is asked one user's message: found {roles}")
        return self._first_token + messages[0][1]

    def close(self) -> None:
        """Let go of everything that was loaded."""
        self._runtime.close()
