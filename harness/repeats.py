"""The same prompts again and again: a greedy answer must be the first one, whenever it is asked."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import cycle, islice

from harness.answer import Answer, Messages, Request
from harness.chances import Ask, Chances
from harness.metrics.edge_cases import shown
from harness.metrics.likelihood import Tokens

_FRESH = 4  # of so many requests one is made anew, generator and all
NEW_TOKENS = 6

Anew = Callable[[Sequence[Messages]], Sequence[Tokens]]
Changed = list[tuple[int, str, str]]
"""A request's number, its prompt's name, and what is not as it was the first time, if anything."""


def repeats(chats: Sequence[Messages], count: int) -> list[Request]:
    """Each once, and then so many requests in the same order again and again.

    Answers are short, so that there may be many.
    """
    short = [Request(it, max_new_tokens=NEW_TOKENS, fresh=False) for it in chats]
    again = islice(cycle(short), count)
    return short + [replace(it, fresh=not at % _FRESH) for at, it in enumerate(again)]


def ask_again(
    ask: Ask, anew: Anew, chances: Chances, named: Sequence[tuple[str, Messages]], count: int
) -> Changed:
    """Ask chats by name again and again, and see what is `changed`.

    Where a prompt is not what it was, `anew` tells what a new process makes of the chats.
    """
    names, chats = [name for name, _ in named], [chat for _, chat in named]
    answers = ask(repeats(chats, count))
    is_same = all(
        answer.error or answer.prompt_ids == answers[number % len(names)].prompt_ids
        for number, answer in enumerate(answers)
    )
    return changed(names, answers, chances, () if is_same else anew(chats))


def changed(
    names: Sequence[str], answers: Sequence[Answer], chances: Chances, today: Sequence[Tokens] = ()
) -> Changed:
    """Of each request but the first of each prompt what is not as it was: nothing where both are
    the same, or are a tie.

    A chat template may write the date: `today` are the chats' prompts after midnight, if it does,
    and an answer to one of them is held against the first to the same.
    """
    found = []
    for number, answer in enumerate(answers[len(names) :], len(names)):
        at = number % len(names)
        same_day = answers[at : number : len(names)]
        if today and answer.prompt_ids == today[at]:
            same_day = [one for one in same_day if one.prompt_ids == today[at]]
        first = same_day[0] if same_day else answer
        same = _said(answer) == _said(first) or chances.is_tie(first.prompt_ids, first, answer)
        found.append((number + 1, names[at], "" if same else _clause(first, answer)))
    return found


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.finish, answer.token_ids, answer.text, answer.error


def _clause(first: Answer, answer: Answer) -> str:
    now, before = (it.error or it.text for it in (answer, first))
    return f"{shown(now)}, not {shown(before)} as before"
