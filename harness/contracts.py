"""Holds a runtime to what its sampling options promise, prompt by prompt."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from itertools import starmap

import numpy as np

from harness.answer import Answer, Finish, Request, Sampling
from harness.chances import Ask, Chances
from harness.metrics.edge_cases import shown
from harness.metrics.likelihood import Tokens
from harness.metrics.sampling import IMPROBABLE, certainty, tail

TEMPERATURES = (8.0, 4.0, 2.0)
"""Hot ones, of which the first that a runtime takes is used: a model that is sure of itself at 1
says the same there with any seed.
"""
_MOST_SCORED = 256  # positions of a prompt's end, among which the least certain is looked for
_SHORT = 3  # tokens of the answer that is cut short
_COLD = 1e-3  # not every runtime takes 0
_TINY = 1e-6  # top_p, which leaves the likeliest token alone
_MISSED = 1e-4  # so seldom may a runtime that knows no seed give equal texts all the same
_MORE_SEEDS = 8  # of each prompt at most: a model may be sure of its answers however hot
_SEEDS = 2**20  # prompts have lower ones


class Contract(StrEnum):
    """What is promised; the value ends the metric's name."""

    SAME_SEED = "same_seed"
    OTHER_SEED = "other_seed"
    TEMPERATURE = "temperature_zero"
    TOP_K = "top_k_one"
    TOP_P = "top_p_tiny"
    LIMIT = "max_new_tokens"


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is asked: a greedy request, and its tokens for who scores texts after them.

    `seeds` are two that differ; no two prompts share one, or all would draw alike.
    """

    name: str
    request: Request
    token_ids: Tokens
    seeds: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Held:
    """Problems by contract and prompt, empty where there is none; or why nothing could be asked."""

    problems: Mapping[Contract, Mapping[str, str]] = field(default_factory=dict)
    absence: str = ""


def uncertain_prompts(
    ask: Ask, prompts: Sequence[tuple[str, Tokens]], seeds: np.random.Generator, new_tokens: int
) -> list[Prompt]:
    """Prompts cut where the model is least sure of what comes next, in the last two thirds."""
    drawn = seeds.permutation(_SEEDS)[: 2 * len(prompts)].reshape(-1, 2).tolist()
    found = []
    for (name, ids), (one, other) in zip(prompts, drawn, strict=True):
        cut = _cut(ask, ids)
        request = Request(token_ids=cut, max_new_tokens=new_tokens)
        found.append(Prompt(f"{name}, {len(cut)} tokens", request, cut, (one, other)))
    return found


def _cut(ask: Ask, ids: Tokens) -> Tokens:
    """One prompt is scored at a time, and of a long one the end: 900 tokens of 262,144 logits each
    take 0.9 GiB.
    """
    first = max(len(ids) // 3 + 1, len(ids) - _MOST_SCORED)
    [answer] = ask([Request(token_ids=ids, score_from=first, fresh=False)])
    if answer.logits is None or not len(answer.logits):
        return ids
    return ids[: first + int(np.argmin(np.nan_to_num(certainty(answer.logits), nan=1.0)))]


def hold(ask: Ask, chances: Chances, prompts: Sequence[Prompt]) -> Held:
    """Ask each prompt with every option that promises something; answers must carry token ids.

    `chances` says whether two texts may be the same by chance, or differ because two tokens are as
    good as equally likely.
    """
    hot, refusal = _hot(ask, prompts[0])
    if not hot:
        return Held(absence=f"the runtime does not sample: {refusal}")
    asked = {
        (key, at): request
        for at, prompt in enumerate(prompts)
        for key, request in _requests(prompt, hot).items()
    }
    order = sorted(asked, key=lambda it: it[0])  # a seed comes again after other ones
    given = dict(zip(order, ask([asked[it] for it in order]), strict=True))
    keys = {key for key, _ in order}
    by_prompt = [{key: given[key, at] for key in keys} for at in range(len(prompts))]
    drawn = _same_seeds(ask, chances, prompts, by_prompt, hot)
    greedy, limit = partial(_greedy, chances), partial(_limit, chances)
    return Held(
        {
            Contract.SAME_SEED: {
                it.name: next(filter(None, starmap(_changed, mine)), "")
                for it, *mine in zip(prompts, *drawn, strict=True)
            },
            Contract.OTHER_SEED: _other_seed(chances, prompts, by_prompt, hot),
            Contract.TEMPERATURE: _each(prompts, by_prompt, partial(_temperature, chances)),
            Contract.TOP_K: _each(prompts, by_prompt, partial(greedy, "top_k")),
            Contract.TOP_P: _each(prompts, by_prompt, partial(greedy, "top_p")),
            Contract.LIMIT: _each(prompts, by_prompt, limit),
        }
    )


def _hot(ask: Ask, prompt: Prompt) -> tuple[float, str]:
    """The hottest temperature that is taken, or 0 and the refusal of 1."""
    tried = (*TEMPERATURES, 1.0)
    plan = [replace(prompt.request, sampling=_drawn(it), fresh=True) for it in tried]
    answers = ask(plan)
    taken = [it for it, answer in zip(tried, answers, strict=True) if not _refused(answer)]
    return (taken[0], "") if taken else (0.0, answers[-1].error)


def _requests(prompt: Prompt, hot: float) -> dict[str, Request]:
    one, other = prompt.seeds
    greedy = prompt.request
    options = {
        "cold": Sampling(_COLD, seed=one),
        "zero": Sampling(0.0, seed=one),
        "top_k": Sampling(hot, top_k=1, seed=one),
        "top_p": Sampling(hot, top_p=_TINY, top_k=0, seed=one),
        "1 seed": _drawn(1.0, one),
        "2 other seed": _drawn(1.0, other),
        "3 same seed": _drawn(1.0, one),
        "hot 1 seed": _drawn(hot, one),
        "hot 2 other seed": _drawn(hot, other),
        "hot 3 same seed": _drawn(hot, one),
    }
    drawn = {key: replace(greedy, sampling=it, fresh=True) for key, it in options.items()}
    return {"greedy": greedy, "short": replace(greedy, max_new_tokens=_SHORT), **drawn}


def _drawn(temperature: float, seed: int = 0) -> Sampling:
    """From all tokens, so that the model's own distribution is what they are drawn from."""
    return Sampling(temperature, top_k=0, top_p=1.0, seed=seed)


Answers = Mapping[str, Answer]
Clause = Callable[[Prompt, Answers], str]


def _each(prompts: Sequence[Prompt], given: Sequence[Answers], clause: Clause) -> dict[str, str]:
    return {it.name: clause(it, answers) for it, answers in zip(prompts, given, strict=True)}


Pair = tuple[Answer, Answer]  # of one prompt and one seed


def _same_seeds(
    ask: Ask, chances: Chances, prompts: Sequence[Prompt], given: Sequence[Answers], hot: float
) -> list[list[Pair]]:
    """A pair of every prompt, again and again: more seeds are drawn while a runtime that knows none
    might have given equal texts by chance.

    It does so with the product of the texts' probabilities: below `_MISSED` a text that depends on
    no seed was seen to change but for that probability. Where all are 1, or none can be scored,
    more draws tell no more.
    """
    drawn = [[_pair(it, kind) for it in given] for kind in ("", "hot ")]
    log_chance = 0.0
    for number in range(len(drawn) + _MORE_SEEDS):
        if number == len(drawn):
            drawn.append(_draw(ask, prompts, hot, number * _SEEDS))
        if any(starmap(_changed, drawn[number])):
            break
        texts, temperature = [one for one, _ in drawn[number]], hot if number else 1.0
        log_chance += sum(chances.log_chances([it.token_ids for it in prompts], texts, temperature))
        if log_chance < math.log(_MISSED) or (number and log_chance == 0.0):
            break
    return drawn


def _draw(ask: Ask, prompts: Sequence[Prompt], hot: float, beyond: int) -> list[Pair]:
    """A pair of each prompt with another seed; it comes again after the other prompts'."""
    asked = [
        replace(it.request, sampling=_drawn(hot, it.seeds[0] + beyond), fresh=True)
        for it in prompts
    ]
    return list(zip(ask(asked), ask(asked), strict=True))


def _pair(answers: Answers, kind: str) -> Pair:
    return answers[f"{kind}1 seed"], answers[f"{kind}3 same seed"]


def _changed(one: Answer, again: Answer) -> str:
    if refused := _refused(one) or _refused(again):
        return refused
    if one.token_ids != again.token_ids:
        return f"the same seed gave {shown(one.text)} and {shown(again.text)}"
    return ""


def _other_seed(
    chances: Chances, prompts: Sequence[Prompt], given: Sequence[Answers], hot: float
) -> dict[str, str]:
    """Texts that another seed does not change, where the model itself does not explain that."""
    problems = {it.name: "" for it in prompts}
    for kind, temperature in (("", 1.0), ("hot ", hot)):
        texts = [it[f"{kind}1 seed"] for it in given]
        others = [it[f"{kind}2 other seed"] for it in given]
        equal = [a.token_ids == b.token_ids for a, b in zip(texts, others, strict=True)]
        for at in _unexplained(chances, prompts, texts, equal, temperature):
            said = shown(texts[at].text)
            problems[prompts[at].name] = f"at temperature {temperature:g} any seed gave {said}"
    return problems


def _unexplained(
    chances: Chances,
    prompts: Sequence[Prompt],
    texts: Sequence[Answer],
    equal: Sequence[bool],
    temperature: float,
) -> list[int]:
    """Which prompts' equal texts are improbable, together: the least likely half of them at least.

    A text comes again with the probability that the model gives it.
    """
    at = [number for number, same in enumerate(equal) if same]
    if not at:
        return []
    logs = chances.log_chances([it.token_ids for it in prompts], texts, temperature)
    if tail([math.exp(it) for it in logs], len(at)) >= IMPROBABLE:
        return []
    middle = sorted(logs[it] for it in at)[len(at) // 2]
    return [it for it in at if logs[it] <= middle]


def _refused(answer: Answer) -> str:
    return f"it was refused ({answer.error})" if answer.finish is Finish.ERROR else ""


def _temperature(chances: Chances, prompt: Prompt, answers: Answers) -> str:
    """A temperature near 0 is greedy; 0 itself may be refused."""
    zero = "" if _refused(answers["zero"]) else _greedy(chances, "zero", prompt, answers)
    return _greedy(chances, "cold", prompt, answers) or zero


def _greedy(chances: Chances, key: str, prompt: Prompt, answers: Answers) -> str:
    greedy, drawn = answers["greedy"], answers[key]
    if refused := _refused(greedy) or _refused(drawn):
        return refused
    if greedy.token_ids == drawn.token_ids or chances.is_tie(prompt.token_ids, greedy, drawn):
        return ""
    return f"it gave {shown(drawn.text)}, greedily {shown(greedy.text)}"


def _limit(chances: Chances, prompt: Prompt, answers: Answers) -> str:
    """An answer that is cut short is as long as it may be, and begins as the whole one."""
    whole, short = answers["greedy"], answers["short"]
    for answer, most in ((whole, prompt.request.max_new_tokens), (short, _SHORT)):
        if refused := _refused(answer):
            return refused
        if len(answer.token_ids) > most:
            return f"{len(answer.token_ids)} new tokens, the limit was {most}"
    begun = replace(whole, token_ids=whole.token_ids[:_SHORT])
    if begun.token_ids == short.token_ids or chances.is_tie(prompt.token_ids, begun, short):
        return ""
    return f"cut short it gave {shown(short.text)}, else {shown(whole.text)}"
