"""Foundry's PromptTemplate, derived from what the model's own chat template renders.

A PromptTemplate is four texts with ``{Content}`` in them, one per role and ``prompt`` for a single
question; a chat's prompt is its segments one after the other. Nothing is parsed: chats of sentinel
words are rendered with the real template, the text between the words is cut into segments, and the
segments must then reproduce the template's rendering of other chats exactly. The format is that of
the folders that Foundry Local downloads (microsoft/Foundry-Local, inference_model_writer.cc).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

from harness.errors import PublishError

CONTENT = "{Content}"
Messages = tuple[tuple[str, str], ...]
Render = Callable[[Messages], str]

_PIECE = re.compile(r"<[^<>\s]+>|\[[^\[\]\s]+\]|\s|[^\s<\[]+|.")  # a control token is never cut
_SAMPLES = (
    (("user", "And 7?"),),
    (("user", "One"), ("assistant", "Two: 2"), ("user", "Three, please.")),
    (("system", "Be brief."), ("user", "Where is gate 4?")),
    (("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello"), ("user", "Bye")),
)


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """The four segments, each with ``{Content}`` where the message goes.

    What the template says before a chat without a system message (a begin-of-text token, a default
    system message) stands in `prompt` only, the one segment that begins such a chat.
    """

    system: str
    user: str
    assistant: str
    prompt: str

    def __post_init__(self) -> None:
        for role, segment in asdict(self).items():
            if segment.count(CONTENT) != 1:
                raise ValueError(f"the {role} segment needs one {CONTENT}: found {segment!r}")
        if self.user not in self.prompt:
            raise ValueError(f"prompt must hold the user segment: found {self.prompt!r}")

    def assemble(self, messages: Messages) -> str:
        """The prompt of a chat that ends with the user's message."""
        lead, _, generation = self.prompt.partition(self.user)
        segments = "".join(
            getattr(self, role).replace(CONTENT, content) for role, content in messages
        )
        return ("" if messages[0][0] == "system" else lead) + segments + generation


def derive(render: Render) -> PromptTemplate:
    """The PromptTemplate of a model's own chat template.

    `render` gives the template's prompt for a chat, with the generation prompt at its end. Raises
    PublishError if no four segments reproduce it; errors of `render` itself pass through.
    """
    template = _cut(render)
    for sample in _SAMPLES:
        expected, made = render(sample), template.assemble(sample)
        if made != expected:
            roles = " + ".join(role for role, _ in sample)
            raise PublishError(
                f"PromptTemplate cannot be derived from the chat template: for {roles} "
                f"it renders {expected!r}, the segments give {made!r}"
            )
    return template


def _cut(render: Render) -> PromptTemplate:
    before_system, system_user, user_end = _between(render, "system", "user")
    before_user, user_assistant, assistant_user, _ = _between(render, "user", "assistant", "user")
    opening = _user_opening(before_system, (before_user, system_user, assistant_user))
    system_end = system_user.removesuffix(opening)
    assistant_end = assistant_user.removesuffix(opening)
    turn_end = _turn_end(assistant_end, user_end, user_assistant)
    user = opening + CONTENT + turn_end
    lead = before_user.removesuffix(opening)
    return PromptTemplate(
        system=before_system + CONTENT + system_end,
        user=user,
        assistant=user_assistant.removeprefix(turn_end) + CONTENT + assistant_end,
        prompt=lead + user + user_end.removeprefix(turn_end),
    )


def _between(render: Render, *roles: str) -> list[str]:
    """What the template writes before, between and after the contents of a chat."""
    contents = [f"sentinel{number}{role}" for number, role in enumerate(roles)]
    rest = render(tuple(zip(roles, contents, strict=True)))
    texts = []
    for role, content in zip(roles, contents, strict=True):
        text, found, rest = rest.partition(content)
        if not found or content in rest:
            raise PublishError(
                "PromptTemplate cannot be derived from the chat template: "
                f"it drops, repeats or moves the {role} message"
            )
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
