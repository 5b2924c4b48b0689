"""A chat with a runtime that keeps its prefix, held against one that computes every turn anew."""

from collections.abc import Sequence

from harness.answer import Answer, Finish, Messages, Request
from harness.errors import CrashError, HangError
from harness.metrics.edge_cases import shown
from harness.ordeal import Ordeal, without_name

_NEW_TOKENS = 8


class BrokenPromiseError(Exception):
    """What a chat must not do; the message is a clause."""


Step = tuple[str | int, ...]
"""The name of a method of `Conversation`, and its arguments."""

_TOLD = {
    "say": "say {!a}",
    "cancel": "say {!a} and cancel after {} tokens",
    "overflow": "ask for too much",
    "take_back": "take back {} turns",
}


class Conversation:
    """Turns of one chat; every method may raise BrokenPromiseError.

    `steps` holds what was done so far. What else may happen between two turns is another method
    here and another rule of `harness.exploration`.
    """

    def __init__(self, ordeal: Ordeal, context_tokens: int) -> None:
        self.steps: list[Step] = []
        self._ordeal = ordeal
        self._too_long = (0,) * (context_tokens + 1)
        self._messages: Messages = ()

    def say(self, text: str) -> None:
        """A turn of the user, answered; the answer becomes part of the chat."""
        self.steps.append(("say", text))
        chat = (*self._messages, ("user", text))
        kept, whole = self._ask(_request(chat, keep_prefix=True), _request(chat))
        self._require_same(kept, whole)
        if kept.finish is not Finish.ERROR:
            self._messages = (*chat, ("assistant", kept.text))

    def cancel(self, text: str, after: int) -> None:
        """A turn of the user, who stops the answer and goes on as if it had not been asked."""
        self.steps.append(("cancel", text, after))
        chat = (*self._messages, ("user", text))
        cancelled = _request(chat, keep_prefix=True, cancel_after=after)
        kept, whole = self._ask(cancelled, _request(chat, cancel_after=after))
        self._require_same(kept, whole)

    def overflow(self) -> None:
        """A request over the context's end, which must be refused and leave the chat as it is."""
        self.steps.append(("overflow",))
        request = Request(token_ids=self._too_long, fresh=False, keep_prefix=True)
        [answer] = self._ask(request)
        if answer.finish is not Finish.ERROR:
            raise BrokenPromiseError(
                f"a prompt over the context was answered ({shown(answer.text)})"
            )

    def take_back(self, turns: int) -> None:
        """The last turns of both never happened."""
        self.steps.append(("take_back", turns))
        self._messages = self._messages[: max(0, len(self._messages) - 2 * turns)]

    def _ask(self, *plan: Request) -> list[Answer]:
        try:
            return self._ordeal.run(plan)
        except (CrashError, HangError) as error:
            raise BrokenPromiseError(without_name(error)) from error

    def _require_same(self, kept: Answer, whole: Answer) -> None:
        """Up to where two tokens are as good as equally likely."""
        same = (kept.prompt_ids, kept.token_ids) == (whole.prompt_ids, whole.token_ids)
        if same and (kept.finish is Finish.ERROR) == (whole.finish is Finish.ERROR):
            return
        if not self._ordeal.is_tie(kept, whole):
            raise BrokenPromiseError(
                f"going on it said {shown(kept.error or kept.text)}, "
                f"computed anew {shown(whole.error or whole.text)}"
            )


def again(chat: Conversation, steps: object) -> None:
    """Take steps that were taken before; what is none, or not any more, is left out."""
    for step in steps if isinstance(steps, list) else ():
        match step:
            case ["say", str(text)]:
                chat.say(text)
            case ["cancel", str(text), int(after)] if after > 0:
                chat.cancel(text, after)
            case ["overflow"]:
                chat.overflow()
            case ["take_back", int(turns)] if turns > 0:
                chat.take_back(turns)


def told(steps: Sequence[Step]) -> str:
    """The steps of a chat in words."""
    return ", ".join(_TOLD[str(name)].format(*arguments) for name, *arguments in steps)


def _request(
    chat: Messages, *, keep_prefix: bool = False, cancel_after: int | None = None
) -> Request:
    return Request(
        messages=chat,
        max_new_tokens=_NEW_TOKENS,
        fresh=not keep_prefix,
        keep_prefix=keep_prefix,
        cancel_after=cancel_after,
    )
