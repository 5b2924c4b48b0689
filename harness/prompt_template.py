"""Foundry's PromptTemplate, derived from what the model's own chat template renders.

A PromptTemplate is four texts with ``{Content}`` in them, one per role and ``prompt`` for a single
question; a chat's prompt is its segments one after the other. Nothing is parsed: chats of sentinel
words are rendered with the real template, the text between the words is cut into segments, and the
segments must then reproduce the template's rendering of other chats exactly. The format is that of
the folders that Foundry Local downloads (microsoft/Foundry-Local, inference_model_writer.cc).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

from harness.answer import Messages
from harness.errors import PublishError, RequestError

CONTENT = "{Content}"
Render = Callable[[Messages], str]

_PIECE = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]|\s|[^\s<\[]+|.")  # a control token is never cut
_DATE = re.compile(
    r"\d{1,2} [A-Z][a-z]{2,8} \d{4}|[A-Z][a-z]{2,8} \d{1,2}, \d{4}|\d{4}-\d{2}-\d{2}"
)
_CANNOT = "PromptTemplate cannot be derived from the chat template"
_PLAIN = (
    (("user", "And 7?"),),
    (("user", "One"), ("assistant", "Two: 2"), ("user", "Three, please.")),
    (("user", "1"), ("assistant", "2"), ("user", "3"), ("assistant", "4"), ("user", "5")),
)
_WITH_SYSTEM = (
    (("system", "Be brief."), ("user", "Where is gate 4?")),
    (("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")),
)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The four segments, each with ``{Content}`` where the message goes.

    `system` is None where the template refuses system messages, as Gemma does, or moves them. What
    a template says before a chat without one (a begin-of-text token, a default system message)
    stands in `prompt` only, the one segment that begins such a chat.
    """

    system: str | None
    user: str
    assistant: str
    prompt: str

    def __post_init__(self) -> None:
        for role, segment in self.segments().items():
            if segment.count(CONTENT) != 1:
                raise ValueError(f"the {role} segment needs one {CONTENT}: found {segment!r}")
        if self.user not in self.prompt:
            raise ValueError(f"prompt must hold the user segment: found {self.prompt!r}")

    def segments(self) -> dict[str, str]:
        """The segments by role, as `inference_model.json` has them."""
        return {role: segment for role, segment in asdict(self).items() if segment is not None}

    def assemble(self, messages: Messages) -> str:
        """The prompt of a chat that ends with the user's message."""
        lead, _, generation = self.prompt.partition(self.user)
        segments = self.segments()
        turns = "".join(segments[role].replace(CONTENT, content) for role, content in messages)
        return ("" if messages[0][0] == "system" else lead) + turns + generation


class _RefusedError(PublishError):
    """The template renders no such chat."""


def derive(render: Render) -> PromptTemplate:
    """The PromptTemplate of a model's own chat template.

    `render` gives the template's prompt for a chat, with the generation prompt at its end, and
    raises RequestError where the template refuses one. Raises PublishError if no segments reproduce
    what it renders.
    """
    template = _cut(render)
    if not any(_difference(render, template, it) for it in _PLAIN):
        # A system message that moves, as Mistral's to the last question, is in no segment.
        is_whole = not any(_difference(render, template, it) for it in _WITH_SYSTEM)
        return template if is_whole else replace(template, system=None)
    raise PublishError(next(filter(None, (_difference(render, template, it) for it in _PLAIN))))


def _difference(render: Render, template: PromptTemplate, sample: Messages) -> str:
    """Where the segments do not give what is rendered; empty where they do."""
    if sample[0][0] not in template.segments():
        return ""
    expected, made = _rendered(render, sample), template.assemble(sample)
    if made == expected:
        return ""
    return f"{_CANNOT}: for {_roles(sample)} it renders {expected!r}, the segments give {made!r}"


def undated(template: PromptTemplate | Mapping[str, str]) -> dict[str, str]:
    """Segments without dates: some templates, as Llama 3.2's, write the day of their rendering."""
    segments = template.segments() if isinstance(template, PromptTemplate) else template
    return {role: _DATE.sub("", str(segment)) for role, segment in segments.items()}


def _cut(render: Render) -> PromptTemplate:
    before_user, user_assistant, assistant_user, user_end = _between(
        render, "user", "assistant", "user"
    )
    before_system, system_user = _around_system(render)
    befores = (before_user, assistant_user, *([] if system_user is None else [system_user]))
    opening = _user_opening(before_system, befores)
    assistant_end = assistant_user.removesuffix(opening)
    turn_end = _turn_end(assistant_end, user_end, user_assistant)
    user = opening + CONTENT + turn_end
    system_end = None if system_user is None else system_user.removesuffix(opening)
    return PromptTemplate(
        system=None if system_end is None else before_system + CONTENT + system_end,
        user=user,
        assistant=user_assistant.removeprefix(turn_end) + CONTENT + assistant_end,
        prompt=before_user.removesuffix(opening) + user + user_end.removeprefix(turn_end),
    )


def _around_system(render: Render) -> tuple[str, str | None]:
    """What stands before a system message, and between it and the user's; None if it is refused."""
    try:
        before_system, system_user, _ = _between(render, "system", "user")
    except _RefusedError:
        return "", None
    return before_system, system_user


def _rendered(render: Render, messages: Messages) -> str:
    try:
        return render(messages)
    except RequestError as error:
        raise _RefusedError(f"{_CANNOT}: it refuses {_roles(messages)}: {error}") from error


def _roles(messages: Messages) -> str:
    return " + ".join(role for role, _ in messages)


def _between(render: Render, *roles: str) -> list[str]:
    """What the template writes before, between and after the contents of a chat."""
    contents = [f"sentinel{number}{role}" for number, role in enumerate(roles)]
    rest = _rendered(render, tuple(zip(roles, contents, strict=True)))
    texts = []
    for role, content in zip(roles, contents, strict=True):
        text, found, rest = rest.partition(content)
        if not found or content in rest:
            raise PublishError(f"{_CANNOT}: it drops, repeats or moves the {role} message")
        texts.append(text)
    return [*texts, rest]


def _user_opening(before_system: str, before_users: Sequence[str]) -> str:
    """What opens a user's turn: the end that all texts before one share.

    Where the turns before it end alike too, that would be shared as well, so the opening begins at
    the control token that opens the system's turn, if both have one.
    """
    shared = _common_prefix([_PIECE.findall(text)[::-1] for text in before_users])[::-1]
    for piece in _PIECE.findall(before_system):
        if len(piece) > 1 and piece[0] in "<[" and piece in shared:
            last = len(shared) - 1 - shared[::-1].index(piece)
            return "".join(shared[last:])
    return "".join(shared)


def _turn_end(assistant_end: str, user_end: str, user_assistant: str) -> str:
    """What ends a user's turn: the same as an assistant's, or all that its followers share."""
    if user_end.startswith(assistant_end) and user_assistant.startswith(assistant_end):
        return assistant_end
    pieces = _common_prefix([_PIECE.findall(user_end), _PIECE.findall(user_assistant)])
    return "".join(pieces)


def _common_prefix(rows: Sequence[Sequence[str]]) -> list[str]:
    shared = []
    for pieces in zip(*rows, strict=False):
        if len(set(pieces)) > 1:
            break
        shared.append(pieces[0])
    return shared
