"""The same prompts again and again: a greedy answer must be the first one, whenever it is asked."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import cycle, islice

from harness.answer import Answer, Messages, Request
from harness.chances import Chances
from harness.metrics.edge_cases import shown

_FRESH = 4  # of so many requests one is made anew, generator and all
NEW_TOKENS = 6


def repeats(chats: Sequence[Messages], count: int) -> list[Request]:
    """Each once, and then so many requests in the same order again and again.

    Answers are short, so that there may be many.
    """
    short = [Request(it, max_new_tokens=NEW_TOKENS, fresh=False) for it in chats]
    again = islice(cycle(short), count)
    return short + [replace(it, fresh=not at % _FRESH) for at, it in enumerate(again)]


def changed(
    names: Sequence[str], answers: Sequence[Answer], chances: Chances
) -> list[tuple[int, str, str]]:
    """Of each request but the first of each prompt its number, the prompt's name, and what is not
    as it was the first time: nothing where both are the same, or are a tie.
    """
    found = []
    for number, answer in enumerate(answers[len(names) :], len(names)):
        first, name = answers[number % len(names)], names[number % len(names)]
        same = _said(answer) == _said(first) or chances.is_tie(first.prompt_ids, first, answer)
        found.append((number + 1, name, "" if same else _clause(first, answer)))
    return found


def _said(answer: Answer) -> tuple[object, ...]:
    return answer.finish, answer.token_ids, answer.text, answer.error


def _clause(first: Answer, answer: Answer) -> str:
    now, before = (it.error or it.text for it in (answer, first))
    return f"{shown(now)}, not {shown(before)} as before"
