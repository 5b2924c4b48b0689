"""Puts odd requests to one process of a variant, which may die of any of them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from harness.answer import Answer, Finish, Messages, Request
from harness.errors import CrashError, HangError, RequestError
from harness.metrics.edge_cases import (
    Expected,
    Prompt,
    Trial,
    broken_promise,
    parting,
)
from harness.metrics.sampling import penalized
from harness.probes.tokenizer import Tokenizer
from harness.runtimes.isolated import Isolated

OddRequest = tuple[Request, Expected]

TIE = 0.1
"""Logits that differ by less may change places when a prompt is computed in other pieces: that
moves them by about 1e-5 in float32 and 1e-2 where activations are quantized, a wrong state by 10.
"""
_HANGS = 3  # deadlines waited for in vain; after that a variant is beyond doubt


class Ordeal:
    """Tries requests one after the other in one process; one that dies is followed by a new one.

    Whatever kills or hangs the process is a problem of the request that was asked, and of none
    before or after it. LoadError and InfrastructureError pass through: without a process there is
    nothing to try.
    """

    def __init__(
        self, runtime: Isolated, normal: Request, tokenizer: Tokenizer, penalty: float = 1.0
    ) -> None:
        """Ask the normal request first; raises ModelError where even that is not answered.

        The runtime generates under the repetition `penalty`, which its scores know nothing of.
        """
        self.runtime = runtime
        self._penalty = penalty
        self.normal = replace(normal, watch=True)
        self.tokenizer = tokenizer
        self._hangs = 0
        [self.before] = self.run([self.normal])
        if self.before.finish is Finish.ERROR:
            raise RequestError(f"a normal request was refused: {self.before.error}")

    def run(self, plan: Sequence[Request]) -> list[Answer]:
        """Answers to a plan."""
        return self.runtime.run(plan)

    def problem(self, request: Request, expected: Expected) -> str:
        """The first promise that is broken, as a clause; empty when none is."""
        if self._hangs >= _HANGS:
            return f"it was not tried after {_HANGS} that had no end"
        try:
            return broken_promise(self._trial(request, expected))
        except (CrashError, HangError) as error:
            self._hangs += isinstance(error, HangError)
            return without_name(error)

    def _trial(self, request: Request, expected: Expected) -> Trial:
        repeats = [replace(request, fresh=False)] if is_repeated(request) else []
        answer, *again, after = self.run([replace(request, watch=True), *repeats, self.normal])
        trial = Trial(
            request,
            expected,
            answer,
            self.before,
            after,
            again[0] if again else None,
            bool(again) and self.is_tie(answer, again[0]),
            self._decoded(answer),
            Prompt() if answer.finish is Finish.ERROR else self._prompt(request),
        )
        return replace(trial, before=self.before_of(after))

    def before_of(self, after: Answer) -> Answer:
        """What a later answer to the normal request must be like.

        Where its prompt is another by now a new process is asked: a chat template may write the
        date. Where a request has spoiled the old process, the new one answers as before.
        """
        if after.finish is not Finish.ERROR and after.prompt_ids != self.before.prompt_ids:
            self.runtime.start()
            [self.before] = self.run([self.normal])
        return self.before

    def is_tie(self, one: Answer, other: Answer) -> bool:
        """Whether two answers to one prompt part where both tokens are about the likeliest.

        An end token is in neither; where one answer ends the other's token alone is looked at.
        """
        at = parting(one, other)
        if at is None or one.prompt_ids != other.prompt_ids:
            return False
        tokens = [it.token_ids[at] for it in (one, other) if at < len(it.token_ids)]
        begin = (*one.prompt_ids, *one.token_ids[:at], tokens[0])
        [scored] = self.run([Request(token_ids=begin, score_from=len(begin) - 1, fresh=False)])
        if scored.logits is None:
            return False
        [row] = penalized(scored.logits, begin[:-1], (), self._penalty)
        return bool(np.max(row) - np.min(row[tokens]) < TIE)

    def _decoded(self, answer: Answer) -> str | None:
        try:
            return self.runtime.decode([answer.token_ids])[0] if answer.token_ids else None
        except RequestError:
            return None

    def _prompt(self, request: Request) -> Prompt:
        """NUL is left out, and so is what would be normalized: both have rules of their own."""
        if request.messages is None or any("\0" in text for _, text in request.messages):
            return Prompt()
        chats = [request.messages]
        if request.messages and request.messages[-1][0] == "user":
            chats += [longer(request.messages, end) for end in "ab"]
        try:
            texts = self.runtime.render(chats)
            ids = [tuple(tokens) for tokens in self.runtime.encode(texts)]
        except RequestError:
            return Prompt()
        is_stated = self.tokenizer.is_read_so(texts[0])
        stated = self.tokenizer.encode if is_stated else None
        return Prompt(
            encoded=ids[0],
            stated=None if stated is None else stated(texts[0]),
            is_cut=len(ids) > 1 and ids[1] == ids[2],
        )


def is_repeated(request: Request) -> bool:
    """What is sampled may differ, and a prompt of tokens may be as long as the context."""
    return request.sampling is None and request.token_ids is None


def longer(messages: Messages, end: str) -> Messages:
    """A chat whose last message has something more at its end."""
    role, content = messages[-1]
    return (*messages[:-1], (role, content + end))


def without_name(error: CrashError | HangError) -> str:
    """What happened, without the variant's name that the message begins with."""
    return str(error).partition(": ")[2] or str(error)
