"""The size of a session: its items in tokens, its ladder, its variants; nothing is asked for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.policy import Plan
from harness.release import Role
from harness.together import MOST_AT_ONCE


@dataclass(frozen=True, slots=True)
class Question:
    """An item in tokens: its prompt, the answer that is expected to come, the most that may come,
    and of an item of several choices how many there are and their tokens together. Where it `shows`
    an answer, that is read beside the model's own.
    """

    prompt: float
    answer: float
    room: int
    choices: int = 0
    offered: float = 0.0
    shows: bool = True


@dataclass(frozen=True, slots=True)
class OddPrompt:
    """An edge case's prompt in tokens: whether a user would read its answer, and whether it is
    asked again of a generator that was kept.
    """

    tokens: float
    is_natural: bool = True
    is_repeated: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides how much the checks ask.

    `questions` are the bank's in the session's order, `needed` how many of them the rules on small
    losses want. `known` replies of the reference are kept from earlier sessions. `rungs` are the
    ladder's lengths in tokens, `odd` the edge cases' prompts, and `device_prompt` is the device's.
    So many processes as `at_once` says fit on the cores, and so many variants that are asked at
    once as `fitting` says into memory. `judged` are the metrics that rules of the
    policy are about, by role; None where all are. `rung_seconds` are what an answer to each of the
    rungs takes the reference, `token_seconds` what each new token after a question takes it.
    A chat has `chat_tokens`, and `tokens_per_character` of what is said in it.
    """

    plan: Plan
    reference: str
    roles: Mapping[str, Role]
    questions: tuple[Question, ...]
    rungs: tuple[int, ...]
    context: int
    vocabulary: int
    device_prompt: int = 128
    needed: int = 0
    known: int = 0
    odd: tuple[OddPrompt, ...] = ()
    text_tokens: int = 0
    has_source: bool = True
    at_once: int = 1
    fitting: int = MOST_AT_ONCE
    judged: Mapping[Role, frozenset[str]] | None = None
    rung_seconds: Mapping[int, float] = field(default_factory=dict)
    token_seconds: float = 0.0
    chat_tokens: float = 0.0
    tokens_per_character: float = 0.25

    def rivals(self, name: str) -> tuple[str, ...]:
        """What speed is compared with."""
        baselines = [it for it, role in self.roles.items() if role is Role.BASELINE]
        if name == self.reference or name in baselines:
            return (self.reference,)
        return (self.reference, *baselines)

    def is_judged(self, name: str, *metrics: str) -> bool:
        """Whether a rule is about any of these metrics of a variant."""
        return self.judged is None or not self.judged[self.roles[name]].isdisjoint(metrics)

    def together(self, name: str) -> int:
        """How many variants are asked at once where nothing is timed: those of its role."""
        alike = [it for it in self.roles.values() if it is self.roles[name]]
        return min(self.at_once, len(alike), self.fitting)

    @property
    def all_together(self) -> int:
        """How many variants are asked at once where nothing is timed, whatever their roles."""
        return min(self.at_once, len(self.roles), self.fitting)

    def under(self, plan: Plan) -> "Shape":
        """The same under another plan, which may end the ladder sooner."""
        most = plan.scaling_longest_tokens
        if not most or not self.rungs or most >= self.rungs[-1]:
            return replace(self, plan=plan)
        rungs = tuple(it for it in self.rungs if it < most)
        return replace(self, plan=plan, rungs=(*rungs, most))

    @property
    def longest(self) -> int:
        """Tokens of the longest prompt that is asked."""
        return longest_prompt(self.rungs, self.context)

    @property
    def prompt(self) -> float:
        """A question's tokens in the mean."""
        return mean([it.prompt for it in self.questions])

    @property
    def answer(self) -> float:
        """A generated answer's tokens in the mean."""
        return mean([it.answer for it in self.questions if not it.choices])

    @property
    def longest_answer(self) -> float:
        """The longest that the release allows where something is generated."""
        return max((it.room for it in self.questions if not it.choices), default=8)


def longest_prompt(rungs: Sequence[int], context: int) -> int:
    """Tokens of the longest prompt on a ladder; half the context where there is no ladder."""
    return max(rungs, default=context // 2)


def mean(values: Sequence[float]) -> float:
    """The mean; 0 of none."""
    return sum(values) / len(values) if values else 0.0
