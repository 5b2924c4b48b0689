"""One visit to Foundry Local with a variant: everything that is asked of one process there."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from harness.answer import Answer, Finish, Request
from harness.bank import across_slices, question, some_of_every_slice
from harness.chances import Chances
from harness.contracts import Held, Prompt, hold
from harness.defaults import (
    Defaults,
    Settings,
    ask_defaults,
    settings_of,
    times_of,
    with_ids,
)
from harness.exam import refusal, require_answers
from harness.fleet import Fleet
from harness.item import Item, Scorer
from harness.policy import Plan
from harness.probes.folder import read_folder, read_penalty
from harness.release import FOUNDRY_BUDGET, FOUNDRY_LOCAL
from harness.reply import Reply

_NEW_TOKENS = 8
TALK_TOKENS = 16  # of an answer to an item that offers choices
_PROMPTS = 4  # of which every option is tried: what is the engine's own has more beside it


@dataclass(frozen=True, slots=True)
class Visit:
    """Items with the variant's own answers and Foundry Local's, both greedy; what it answers when
    no option is set, and how it keeps what options promise.
    """

    items: tuple[Item, ...]
    own: tuple[Answer, ...]
    answers: tuple[Answer, ...]
    defaults: Defaults
    held: Held


def visit(fleet: Fleet, name: str, items: Sequence[Item], plan: Plan, settings: Settings) -> Visit:
    """Ask everything of one process of Foundry Local; raises RequestError where one of the two
    refuses a plain greedy request, or Foundry Local one that sets no option.
    """
    chosen = some_of_every_slice(items, plan.foundry_items)
    sample = _sample(items, plan.default_items)
    own = _own(fleet, name, dict.fromkeys([*chosen, *sample]))
    sample = _fitting(sample, own, fleet.variant(name).directory)
    directory = fleet.variant(name).directory
    ends, penalty = read_folder(directory).end_tokens, read_penalty(directory)
    chances = Chances(partial(fleet.ask, name), ends, penalty)
    with fleet.fresh(name, FOUNDRY_LOCAL) as foundry:

        def ask(asked: Sequence[Request]) -> list[Answer]:
            return with_ids(foundry.run(asked), partial(fleet.encode, name))

        def ask_unset(asked: Sequence[Request]) -> list[Answer]:
            return _require_unset(name, ask(asked))

        answers = require_answers(name, foundry.run([question(it) for it in chosen]))
        greedy = [Reply(own[it]) for it in sample]
        often = times_of(len(sample))
        defaults = ask_defaults(ask_unset, chances, sample, greedy, settings, often)
        held = hold(ask, chances, _prompts(own))
    return Visit(chosen, tuple(own[it] for it in chosen), tuple(answers), defaults, held)


def _fitting(
    sample: tuple[Item, ...], own: Mapping[Item, Answer], directory: Path
) -> tuple[Item, ...]:
    """The items whose prompts leave the room that Foundry Local reserves where none is asked for:
    for longer ones an application has to ask for less, whatever the package. But all of them where
    that room is more than half of the context, which then is at fault.
    """
    context = int(read_folder(directory).model.get("context_length", 0))
    if context < 2 * FOUNDRY_BUDGET:
        return sample
    return tuple(item for item in sample if len(own[item].prompt_ids) <= context - FOUNDRY_BUDGET)


def _require_unset(name: str, answers: Sequence[Answer]) -> list[Answer]:
    """Answers to requests without options, or RequestError with the first refusal and their count.

    Mostly there is no room: Foundry Local reserves 2,048 new tokens where none are asked for, so
    that every application that sends messages alone gets an error.
    """
    refused = [answer for answer in answers if answer.finish is Finish.ERROR]
    if refused:
        count = f"{len(refused)} of {len(answers)} that set no option"
        raise refusal(name, f"{count}: {refused[0].error}")
    return list(answers)


def _own(fleet: Fleet, name: str, items: Iterable[Item]) -> dict[Item, Answer]:
    """The variant's own greedy answers."""
    asked = list(items)
    answers = fleet.ask(name, [question(it) for it in asked])
    return dict(zip(asked, require_answers(name, answers), strict=True))


def _sample(items: Sequence[Item], count: int) -> tuple[Item, ...]:
    """Some of every slice whose answers are written; where there are none, some that offer choices.
    Those are scored, so that no setting loses a right one, but how they are answered shows the
    settings as well.
    """
    written = across_slices([it for it in items if it.scorer is not Scorer.CHOICE], count)
    return written or across_slices([_brief(it) for it in items], count)


def _brief(item: Item) -> Item:
    return replace(item, max_new_tokens=min(item.max_new_tokens, TALK_TOKENS))


def _prompts(own: Mapping[Item, Answer]) -> list[Prompt]:
    """Chats to try options on, of as many slices as there are."""
    different = list({item.id: item for item in own}.values())  # asked for a brief answer, too
    return [
        Prompt(
            f"Foundry Local, {item.id}",
            Request(item.messages, max_new_tokens=_NEW_TOKENS),
            own[item].prompt_ids,
            (2 * at + 1, 2 * at + 2),
        )
        for at, item in enumerate(across_slices(different, _PROMPTS))
    ]


def read_settings(source: Path | None) -> Settings:
    """How the source's generation_config.json says to decode; nothing where there is none."""
    try:
        text = (source / "generation_config.json").read_text(encoding="utf-8") if source else "{}"
        found = json.loads(text)
    except (OSError, ValueError):
        return Settings()
    return settings_of(found if isinstance(found, dict) else {})
