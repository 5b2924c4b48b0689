"""A package asked as applications ask: messages alone, so that its own settings decide."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from harness.answer import Answer, Request
from harness.chances import Ask, Chances
from harness.item import Item, Scorer
from harness.metrics.likelihood import Tokens
from harness.metrics.quality import grade
from harness.metrics.sampling import Ratios, heat, log_ratios
from harness.reply import Reply

Encode = Callable[[Sequence[str]], Sequence[Sequence[int]]]

_TIMES = 2  # that an item is asked
LEAST_ANSWERS = 16  # in all: of fewer a share says little
_RIGHT = 0.5  # the least score of an answer that is called right


@dataclass(frozen=True, slots=True)
class Settings:
    """How the source says that its model is to be decoded; greedy counts as temperature 1, for that
    is what Foundry Local makes of a package that says nothing.
    """

    temperature: float = 1.0
    repetition_penalty: float = 1.0


@dataclass(frozen=True, slots=True)
class Defaults:
    """Of items asked twice or more without options: whether each answer lost what the greedy one
    has right, with the slices' names, and whether an item's first two answers differ. Of an item
    that offers choices nothing can be lost, for they are scored. `heat` is evidence in nats
    that they were drawn at a higher temperature than stated (`harness.metrics.sampling.heat`), None
    where no answer could be scored.
    """

    names: tuple[str, ...]
    lost: tuple[bool, ...]
    differs: tuple[bool, ...]
    heat: float | None


def settings_of(generation: Mapping[str, object]) -> Settings:
    """What a generation_config.json states."""
    found = {
        name: float(value)
        for name in ("temperature", "repetition_penalty")
        if isinstance(value := generation.get(name), int | float) and value > 0
    }
    if not generation.get("do_sample"):
        found.pop("temperature", None)
    return Settings(**found)


def default_requests(items: Sequence[Item]) -> list[Request]:
    """Items without options; an answer is stopped, as by its user, where its item has no room."""
    return [
        Request(
            item.messages,
            max_new_tokens=item.max_new_tokens,
            cancel_after=item.max_new_tokens,
            defaults=True,
        )
        for item in items
    ]


def with_ids(answers: Sequence[Answer], encode: Encode) -> list[Answer]:
    """Answers of a runtime that gives text alone, with the tokens of that text."""
    ids = encode([it.text for it in answers])
    return [replace(it, token_ids=tuple(tokens)) for it, tokens in zip(answers, ids, strict=True)]


def times_of(items: int) -> int:
    """How often each of so many items is asked: twice, more often where they are few."""
    return max(_TIMES, math.ceil(LEAST_ANSWERS / max(1, items)))


def ask_defaults(
    ask: Ask,
    chances: Chances,
    items: Sequence[Item],
    greedy: Sequence[Reply],
    settings: Settings,
    times: int = _TIMES,
) -> Defaults:
    """Each item so often, at least twice, beside its greedy replies; answers must carry token ids,
    and none may be an error: an application that sets nothing gets no answer then, which no share
    of losses says.
    """
    plan = default_requests(items)
    given = list(ask(plan * times))
    by_item = [given[at :: len(plan)] for at in range(len(plan))]
    lost, differs = [], []
    for item, reply, answers in zip(items, greedy, by_item, strict=True):
        is_right = item.scorer is not Scorer.CHOICE and _is_right(item, reply.answer)
        lost += [is_right and not _is_right(item, it) for it in answers]
        one, other, *_ = answers
        differs.append((one.text, one.finish) != (other.text, other.finish))
    names = tuple(it.slice for it in items for _ in range(times))
    evidence = _heat(chances, [it.answer.prompt_ids for it in greedy] * times, given, settings)
    return Defaults(names, tuple(lost), tuple(differs), evidence)


def _heat(
    chances: Chances, prompts: Sequence[Tokens], answers: Sequence[Answer], settings: Settings
) -> float | None:
    """Evidence that answers were drawn hotter than the settings say; equal ones are scored once."""
    said = [(prompt, chances.said(answer)) for prompt, answer in zip(prompts, answers, strict=True)]
    kinds = [one for one in dict.fromkeys(said) if one[1]]
    known = {one: _ratios(chances, *one, settings) for one in kinds}
    return heat([ratios for one in said if (ratios := known.get(one)) is not None])


def _ratios(chances: Chances, prompt: Tokens, text: Tokens, settings: Settings) -> Ratios | None:
    """Of one text, whose logits are let go of here; None where there are none."""
    logits = chances.logits(prompt, text, settings.repetition_penalty)
    return None if logits is None else log_ratios(logits, text, settings.temperature)


def _is_right(item: Item, answer: Answer) -> bool:
    return grade(item, Reply(answer)).score >= _RIGHT
