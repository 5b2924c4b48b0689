"""Runtimes without a model that each break one promise to those who ask odd things."""

import os
import re
import signal
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from harness.answer import Answer, Messages, Request
from harness.errors import InfrastructureError
from harness.runtimes.scripted import Scripted

BAD_ID = 201
"""A token that none of `BadToken`'s prompts may hold."""


class DiesOfZ(Scripted):
    """A segmentation fault for every prompt of a chat with a capital Z."""

    def misbehave(self, number: int, request: Request) -> None:
        if any("Z" in text for _, text in request.messages or ()):
            os.kill(os.getpid(), signal.SIGSEGV)


class DiesOfLength(Scripted):
    """Killed by every prompt over a hundred tokens, as the out-of-memory killer does."""

    def misbehave(self, number: int, request: Request) -> None:
        if len(request.token_ids or ()) > 100:
            os.kill(os.getpid(), signal.SIGKILL)


class HasNoMemory(Scripted):
    """Is refused the memory for every prompt over a hundred tokens."""

    def misbehave(self, number: int, request: Request) -> None:
        if len(request.token_ids or ()) > 100:
            raise MemoryError("no memory for the logits")


class DiesOfText(Scripted):
    """Aborts where a user's message has what `fatal` finds in it."""

    fatal = ""

    def misbehave(self, number: int, request: Request) -> None:
        if any(re.search(self.fatal, text) for _, text in request.messages or ()):
            os.kill(os.getpid(), signal.SIGABRT)


class DiesOfUnicorns(DiesOfText):
    fatal = "\U0001f984"


class DiesOfJoiners(DiesOfText):
    fatal = "[\U0001f300-\U0001faff]\u200d"


class DiesOfFamilies(DiesOfText):
    fatal = "\U0001f467\u200d\U0001f466"


class DiesOfTibetan(DiesOfText):
    fatal = "[\u0f00-\u0fff]"


class DiesOfGothic(DiesOfText):
    fatal = "[\U00010330-\U0001034a]"


class DiesOfThreeMarks(DiesOfText):
    """Of three decomposed accents in one text, wherever they stand."""

    fatal = "(?s)[\u0300-\u036f].*[\u0300-\u036f].*[\u0300-\u036f]"


class DiesOfEightMarks(DiesOfText):
    """Of a stack of so many on one letter."""

    fatal = "[\u0300-\u0fff]{8}"


class RefusesFlags(Scripted):
    """Takes no flag of a region for text."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        if any(re.search("[\U0001f1e6-\U0001f1ff]{2}", text) for text in texts):
            raise ValueError("no such character")
        return super().encode(texts)


class LosesSelectors(Scripted):
    """Forgets variation selectors on the way to text."""

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return [re.sub("[\ufe00-\ufe0f]", "", text) for text in super().decode(sequences)]


class SpoiledByTags(Scripted):
    """Says something else to everything after an emoji tag was read."""

    is_spoiled = False

    def answer(self, request: Request) -> Answer:
        said = "".join(text for _, text in request.messages or ())
        self.is_spoiled = self.is_spoiled or "\U000e007f" in said
        answer = super().answer(request)
        return replace(answer, text=answer.text + "!") if self.is_spoiled else answer


class HangsAtZ(Scripted):
    """Never answers a chat with a capital Z."""

    def misbehave(self, number: int, request: Request) -> None:
        if any("Z" in text for _, text in request.messages or ()):
            threading.Event().wait()


class SpoiledByZ(Scripted):
    """Says something else to everything after a Z was typed."""

    is_spoiled = False

    def misbehave(self, number: int, request: Request) -> None:
        self.is_spoiled = self.is_spoiled or any("Z" in text for _, text in request.messages or ())

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        if not self.is_spoiled or request.messages == (("user", "Z"),):
            return answer
        return replace(answer, text=answer.text + "!")


class CutsAtNul(Scripted):
    """Reads text as C does."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return super().encode([text.replace("\\u0000", "\0").partition("\0")[0] for text in texts])


class Fickle(Scripted):
    """Never says the same twice."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        return replace(answer, token_ids=(self.answered % 26 + 97, *answer.token_ids[1:]))


class BadToken(Scripted):
    """Has no finite logits once a prompt holds one token."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        return replace(answer, non_finite=int(BAD_ID in (request.token_ids or ())))


class BadEverywhere(Scripted):
    """Has no finite logits at all."""

    def answer(self, request: Request) -> Answer:
        return replace(super().answer(request), non_finite=1)


class ForgetsThePast(Scripted):
    """With a kept prefix it answers the last message alone, once there are two turns."""

    def answer(self, request: Request) -> Answer:
        if request.keep_prefix and request.messages and len(request.messages) > 1:
            answer = super().answer(replace(request, messages=request.messages[-1:]))
            return replace(answer, prompt_ids=tuple(self._prompt(request)))
        return super().answer(request)


class LosesTheDisk(Scripted):
    """The machine cannot go on after ten requests."""

    def misbehave(self, number: int, request: Request) -> None:
        if number >= 10:
            raise InfrastructureError("the disk is full")


class Dated(Scripted):
    """Its template writes what `day` beside the variant's folder says, as others do the date."""

    def load(self, directory: Path) -> None:
        super().load(directory)
        self._day = directory.parent / "day"

    def render(self, messages: Messages) -> str:
        return f"Today is {self._day.read_text()}.\n" + super().render(messages)


class AddsToPromptsAfterZ(SpoiledByZ):
    """Its template puts a Z that was typed before other chats."""

    def render(self, messages: Messages) -> str:
        rendered = super().render(messages)
        return "Z" + rendered if self.is_spoiled and "Z" not in rendered else rendered

    def answer(self, request: Request) -> Answer:
        return Scripted.answer(self, request)
