"""A runtime that has nothing to say."""

from harness.answer import Answer, Request
from harness.runtimes.scripted import Scripted


class Silent(Scripted):
    """Its first token is the end token, whatever it is asked."""

    def answer(self, request: Request) -> Answer:
        answer = super().answer(request)
        return Answer(prompt_ids=answer.prompt_ids) if request.stop_at_end else answer
