"""Asks several variants the same prompts, each prompt of all of them right after each other."""

from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

import numpy as np

from harness.answer import Answer, Finish, Request
from harness.errors import HarnessError, RequestError
from harness.together import each

T = TypeVar("T")


class Rounds:
    """Rounds of one session; in each the order is random.

    Who fails, refuses or answers to another prompt than it was asked drops out; `errors` says why,
    by name. Without the reference there is nothing more to compare, and nobody is asked any more.
    `abort` ends what runs where the user interrupts.
    """

    def __init__(
        self,
        ask: Callable[[str, Request], Answer],
        reference: str,
        random: np.random.Generator,
        abort: Callable[[], None] = lambda: None,
    ) -> None:
        self.errors: dict[str, HarnessError] = {}
        self._ask = ask
        self._reference = reference
        self._random = random
        self._abort = abort

    def take(
        self,
        request: Request,
        names: Collection[str],
        read: Callable[[Answer], T],
        at_once: int = 1,
    ) -> dict[str, T]:
        """What is read of each answer, by name; empty where the reference gave none.

        The request is one of token ids. `read` may raise a HarnessError of its own. So many as
        `at_once` says are asked at the same time, which is for what is not timed.
        """
        if self._reference in self.errors:
            return {}
        present = [name for name in names if name not in self.errors]
        order = [present[place] for place in self._random.permutation(len(present))]
        found = {}
        for name, given in zip(order, self._asked(request, order, read, at_once), strict=True):
            if isinstance(given, RequestError):
                self.drop(name, str(given))
            elif isinstance(given, HarnessError):
                self.errors[name] = given
            else:
                found[name] = given
        return found if self._reference in found else {}

    def _asked(
        self, request: Request, order: Sequence[str], read: Callable[[Answer], T], at_once: int
    ) -> list[T | HarnessError]:
        def one(name: str) -> T | HarnessError:
            try:
                return read(_require(self._ask(name, request), request))
            except HarnessError as error:
                return error

        if at_once < 2:
            return [one(name) for name in order]
        return each(one, order, at_once, self._abort)

    def drop(self, name: str, why: str) -> None:
        """Ask a variant no more, for what is wrong with its answers."""
        error = RequestError(f"{name} {why}")
        error.variant = name
        self.errors[name] = error


def _require(answer: Answer, request: Request) -> Answer:
    """The answer; raises RequestError unless it is one to this very prompt."""
    asked = len(request.token_ids or ())
    if answer.finish == Finish.ERROR:
        raise RequestError(f"refused a prompt of {asked:,} tokens: {answer.error}")
    answered = len(answer.prompt_ids) or answer.prompt_tokens
    if answered != asked:
        raise RequestError(f"was asked a prompt of {asked:,} tokens, and answered {answered:,}")
    return answer
