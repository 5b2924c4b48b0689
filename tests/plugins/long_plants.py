"""What a runtime may do wrong once a prompt is long, for any that has a `_prompt`."""

from dataclasses import replace

from harness.answer import Answer, Request
from harness.runtimes.ort_genai import OrtGenAI

LONG = 1000  # tokens


class ReadsOtherwise:
    """Reads another prompt than it was asked, and tells of the one it was asked.

    `long` is the length in tokens from which on.
    """

    long = LONG

    def answer(self, request: Request) -> Answer:
        ids = tuple(int(token) for token in self._prompt(request))
        if len(ids) <= self.long or not self.is_struck(request):
            return super().answer(request)
        kept = self.kept(ids)
        score_from = request.score_from and request.score_from - (len(ids) - len(kept))
        asked = replace(request, messages=None, text=None, token_ids=kept, score_from=score_from)
        return replace(super().answer(asked), prompt_ids=ids)

    def is_struck(self, request: Request) -> bool:
        return not request.is_scored

    def kept(self, ids: tuple[int, ...]) -> tuple[int, ...]:
        raise NotImplementedError


class CutsTheFront(ReadsOtherwise):
    """While it generates, of a long prompt the last tokens count alone."""

    def kept(self, ids):
        return ids[-self.long :]


class CutsALittle(ReadsOtherwise):
    """The same, of the first 25 tokens only."""

    def kept(self, ids):
        return ids[25:]


class LosesTokens(ReadsOtherwise):
    """While it generates, each 256th token is lost."""

    each = 256

    def kept(self, ids):
        return tuple(it for place, it in enumerate(ids, 1) if place % self.each)


class LosesFew(LosesTokens):
    """Each 512th."""

    each = 512


class Truncates(CutsTheFront):
    """Cuts whatever it is asked, scores too, and says nothing."""

    def is_struck(self, request):
        return True


class TruncatesChats(CutsTheFront):
    """Cuts chats alone."""

    def is_struck(self, request):
        return request.messages is not None


class WrongAfterFirst:
    """After a long prompt every generated token but the first is another."""

    long = LONG
    first = 1
    by = 1

    def answer(self, request: Request) -> Answer:
        found = super().answer(request)
        if len(found.prompt_ids) <= self.long or request.is_scored:
            return found
        wrong = [token + self.by for token in found.token_ids[self.first :]]
        return replace(found, token_ids=(*found.token_ids[: self.first], *wrong))


class WrongAtTheEnd(WrongAfterFirst):
    """Only the last of eight is."""

    first = 7


def planted(plant: type, engine: type = OrtGenAI, **changes: object) -> type:
    """The engine with the plant."""
    return type(plant.__name__, (plant, engine), changes)
