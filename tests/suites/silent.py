"""Runtimes that have nothing to say."""

from harness.answer import Answer, Finish, Request
from harness.runtimes.scripted import Scripted


class Silent(Scripted):
    """Its first token is the end token, whatever it is asked."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        return Answer(prompt_ids=answer.prompt_ids) if request.stop_at_end else answer


class Refusing(Scripted):
    """Refuses every request in the same words."""

    def answer(self, request: Request) -> Answer:
        return Answer(finish=Finish.ERROR, error="no")
