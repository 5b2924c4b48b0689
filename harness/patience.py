"""How long a request or a load may take before its variant is said to hang."""

from collections.abc import Sequence

from harness.answer import Request

_USUAL_TOKENS = 4096
_TIMES = 10.0  # as long as the reference: what takes twice as long is slow, and rules say so
_LOADED_PER_SECOND = 20e6  # bytes: a slow share, or a fifth of what a hard disk reads undisturbed
_BYTES_PER_TOKEN = 2  # of a chat whose tokens nobody has counted: rather too many, in every script


class Patience:
    """A stated time, for prompts over 4,096 tokens so much more, and on a slow machine ten times
    what the reference takes there.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._per_prompt_token = 0.0
        self._per_new_token = 0.0

    def expect(self, per_prompt_token: float, per_new_token: float) -> None:
        """Seconds that the reference takes here for each token of the longest prompt that is asked,
        and for each that it generates after it.
        """
        self._per_prompt_token, self._per_new_token = per_prompt_token, per_new_token

    def at_least(self, seconds: float) -> "Patience":
        """The same with at least so long a time stated."""
        found = Patience(max(seconds, self._seconds))
        found.expect(self._per_prompt_token, self._per_new_token)
        return found

    def of(self, plan: Sequence[Request]) -> float:
        """Seconds for each of some requests: what the longest of them may take."""
        return max(map(self._of_one, plan), default=self._seconds)

    def of_load(self, size_bytes: int) -> float:
        """Seconds to load a folder of that size: the first time, all of it comes from a disk."""
        return max(self._seconds, size_bytes / _LOADED_PER_SECOND)

    def _of_one(self, request: Request) -> float:
        tokens = _tokens(request)
        stated = self._seconds * max(1.0, tokens / _USUAL_TOKENS)
        expected = self._per_prompt_token * tokens + self._per_new_token * request.new_tokens
        return max(stated, _TIMES * expected)


def _tokens(request: Request) -> int:
    """Of the prompt and of what is scored after it."""
    if request.token_ids is not None:
        return len(request.token_ids) + request.continuation_tokens
    texts = [*(content for _, content in request.messages or ()), request.text or ""]
    return sum(len(it.encode(errors="surrogatepass")) for it in texts) // _BYTES_PER_TOKEN
