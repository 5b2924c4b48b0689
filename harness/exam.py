"""Puts domain items to a variant."""

from collections.abc import Sequence

from harness.answer import Answer, Finish
from harness.bank import question
from harness.errors import RequestError
from harness.fleet import Fleet
from harness.item import Item
from harness.reply import Reply


def replies(fleet: Fleet, name: str, items: Sequence[Item]) -> tuple[Reply, ...]:
    """A variant's replies to items, in their order; raises RequestError where it refuses one."""
    answers = fleet.ask(name, [question(item) for item in items])
    return tuple(Reply(answer) for answer in require_answers(name, answers))


def require_answers(name: str, answers: Sequence[Answer]) -> list[Answer]:
    """The answers, or RequestError with the first error among them."""
    for answer in answers:
        if answer.finish == Finish.ERROR:
            raise refusal(name, answer.error)
    return list(answers)


def refusal(name: str, why: str) -> RequestError:
    """The error of a variant that refused a request, or answered it unusably."""
    error = RequestError(f"{name} refused a request: {why}")
    error.variant = name
    return error
