"""How long a request may take before its variant is said to hang."""

from collections.abc import Sequence

from harness.answer import Request

_USUAL_TOKENS = 4096
_TIMES = 10.0  # as long as the reference: what takes twice as long is slow, and rules say so
_CHARACTERS_PER_TOKEN = 2  # of a chat whose tokens nobody has counted: rather too many tokens


class Patience:
    """A stated time, for prompts over 4,096 tokens so much more, and on a slow machine ten times
    what the reference takes there.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._seconds_per_token = 0.0

    def expect(self, tokens: int, seconds: float) -> None:
        """The reference takes so long here for the longest prompt, of so many tokens."""
        self._seconds_per_token = seconds / tokens

    def of(self, tokens: int) -> float:
        """Seconds for a prompt of so many tokens."""
        stated = self._seconds * max(1.0, tokens / _USUAL_TOKENS)
        return max(stated, _TIMES * self._seconds_per_token * tokens)

    def of_plan(self, plan: Sequence[Request]) -> float:
        """Seconds for each of some requests."""
        return self.of(max(map(_tokens, plan), default=0))


def _tokens(request: Request) -> int:
    if request.token_ids is not None:
        return len(request.token_ids)
    said = sum(len(content) for _, content in request.messages or ()) + len(request.text or "")
    return said // _CHARACTERS_PER_TOKEN
