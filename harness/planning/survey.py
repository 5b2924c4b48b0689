"""Asks the session's variants a little, to know how much there is to ask and what it takes."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import scipy

from harness.bank import across_slices, question
from harness.data_need import needs_of
from harness.edge_case import EdgeCase
from harness.errors import HarnessError
from harness.forcing import SHOWN
from harness.item import Item, Scorer
from harness.metrics.degenerate import is_natural
from harness.ordeal import is_repeated
from harness.planning.pilot import ROOM_TOKENS, Pilot, pilot
from harness.planning.shape import OddPrompt, Question, Shape, longest_prompt, mean
from harness.planning.work import asked, generated
from harness.policy import Rule
from harness.probes.folder import read_folder, read_length_limits
from harness.probes.memory import available_bytes
from harness.release import Role
from harness.route import NEW_TOKENS, ladders, stated_context
from harness.runtimes.generator_memory import cache_bytes
from harness.stage import Stage
from harness.together import fitting
from harness.trial import missing_items

_ENCODED = 24  # items whose tokens are counted; the others' follow from their characters
_ANSWER_SECONDS = 3.0  # for answers of the reference, where none is kept
_ANSWERS = 6
_USUAL_DEVICE_PROMPT = 128


def survey(stage: Stage, cases: Sequence[EdgeCase]) -> tuple[Shape, dict[str, Pilot]]:
    """The size of what a session asks, and the pilot of each variant; what the reference
    takes says how long the others are waited for.

    Raises what the reference's process raises.
    """
    names = tuple(dict.fromkeys((stage.reference, *stage.names)))
    contexts = {name: stated_context(stage.fleet.variant(name).directory) for name in names}
    rungs = _rungs(stage, contexts)
    longest = longest_prompt(rungs, contexts[stage.reference])
    pilots = _pilots(stage, contexts, longest)
    rates = pilots[stage.reference].rates
    read = rates.seconds(asked(longest)) / max(1, longest)
    # before whole answers are asked: one may take longer than the time that a policy states
    stage.fleet.patience.expect(read, rates.seconds(generated(longest)))
    taken = {it: rates.seconds(asked(it, NEW_TOKENS)) for it in rungs}
    shape = _shape(stage, contexts, rungs, cases)
    token = rates.seconds(generated(shape.prompt))
    room = fitting(needs(pilots, shape).values(), available_bytes())
    return replace(shape, rung_seconds=taken, token_seconds=token, fitting=room), pilots


def needs(pilots: Mapping[str, Pilot], shape: Shape) -> dict[str, float]:
    """Bytes of each variant's process with the longest prompt."""
    return {name: it.peak_bytes(shape.longest) for name, it in pilots.items()}


def _rungs(stage: Stage, contexts: Mapping[str, int]) -> tuple[int, ...]:
    """The ladder's lengths in tokens, by the variants' contexts."""
    limits = frozenset[int]().union(
        *(read_length_limits(stage.fleet.variant(it).directory, stage.source) for it in contexts)
    )
    found = ladders(contexts, stage.reference, limits, stage.plan.scaling_longest_tokens)
    return found[stage.reference]


def _pilots(stage: Stage, contexts: Mapping[str, int], longest: int) -> dict[str, Pilot]:
    """Of each variant, with prompts as long as its context and the ladder hold. One that does not
    answer, which its checks will say, is taken to be as slow as the reference, or a budget would
    have no time for it.
    """
    pilots: dict[str, Pilot] = {}
    for name, context in contexts.items():
        most = min(longest, context - ROOM_TOKENS)
        try:
            with stage.fleet.fresh(name) as runtime:
                model = read_folder(stage.fleet.variant(name).directory).model
                found = pilot(
                    runtime,
                    stage.long_text(stage.items[:_ENCODED], most),
                    most,
                    attention_share(model),
                )
            # a slow model's pilot is too short to tell what long prompts take
            token = max(found.token, float(cache_bytes(model.get("decoder", {}))))
            pilots[name] = replace(found, token=token)
        except HarnessError:
            if name == stage.reference:
                raise
            pilots[name] = pilots[stage.reference]
    return pilots


def attention_share(model: Mapping[str, Any]) -> float:
    """What a pair of tokens takes in attention, in parts of what one token takes in all matrices.

    By floating point operations (Kaplan et al. 2020, section 2.1): 2 for each parameter and token,
    4 for each layer, head dimension and pair, of which the half looks back, but with half the
    speed of matrices. Twelve squares of the hidden size are a layer's parameters.
    """
    decoder = model.get("decoder", {})
    names = ("num_hidden_layers", "hidden_size", "num_attention_heads", "head_size")
    layers, hidden, heads, size = (float(decoder.get(name) or 0) for name in names)
    parameters = 12 * layers * hidden**2 + hidden * float(model.get("vocab_size") or 0)
    return 2 * layers * heads * size / parameters if parameters else 0.0


def judged_metrics(rules: Sequence[Rule]) -> dict[Role, frozenset[str]]:
    """The metrics that rules are about, by the role of the variants that they judge."""
    return {role: frozenset(it.metric for it in rules if role in it.roles) for role in Role}


def _shape(
    stage: Stage, contexts: Mapping[str, int], rungs: tuple[int, ...], cases: Sequence[EdgeCase]
) -> Shape:
    fleet, reference, plan = stage.fleet, stage.reference, stage.plan
    base, rate = _tokens_by_characters(stage)
    known = stage.reply_cache.kept(stage.items) if stage.reply_cache else {}
    written = [at for at in known if stage.items[at].scorer is not Scorer.CHOICE]
    answer = _answer_tokens(stage, [len(known[at].answer.token_ids) for at in written])
    model = read_folder(fleet.variant(reference).directory).model
    context = contexts[reference]
    return Shape(
        plan=plan,
        reference=reference,
        roles={name: fleet.variant(name).recipe.role for name in contexts},
        questions=tuple(_question(it, base, rate, answer) for it in stage.items),
        rungs=rungs,
        context=context,
        vocabulary=int(model.get("vocab_size") or 1),
        device_prompt=stage.device.budgets.prompt_tokens if stage.device else _USUAL_DEVICE_PROMPT,
        needed=_needed(stage),
        known=_first_unknown(known),
        odd=tuple(_odd_prompt(it, base, rate, context) for it in cases),
        text_tokens=int(len(stage.text) * rate),
        has_source=stage.source is not None,
        judged=judged_metrics(stage.rules),
        at_once=stage.at_once,
        chat_tokens=base,
        tokens_per_character=rate,
    )


def _tokens_by_characters(stage: Stage) -> tuple[float, float]:
    """Tokens of a chat of no character, and of each character, by least squares of a few items."""
    some = across_slices(stage.items, _ENCODED)
    prompts = stage.fleet.render(stage.reference, [it.messages for it in some])
    tokens = [len(it) for it in stage.fleet.encode(stage.reference, prompts)]
    rows = np.array([[1.0, _characters(it)] for it in some])
    found, _ = scipy.optimize.nnls(rows, np.array(tokens, float))
    return float(found[0]), float(found[1])


def _characters(item: Item) -> int:
    return sum(len(content) for _, content in item.messages)


def _question(item: Item, base: float, rate: float, answer: float) -> Question:
    prompt = base + rate * _characters(item)
    if item.scorer is Scorer.CHOICE:
        offered = sum(1 + rate * len(it) for it in item.choices)
        return Question(prompt, 0.0, item.max_new_tokens, len(item.choices), offered, shows=False)
    shows = item.scorer in SHOWN
    return Question(prompt, min(answer, item.max_new_tokens), item.max_new_tokens, shows=shows)


def _answer_tokens(stage: Stage, known: Sequence[int]) -> float:
    """Tokens of a generated answer in the mean: of kept ones, or of a few that are asked now."""
    if known:
        return mean(known)
    written = [it for it in across_slices(stage.items, 64) if it.scorer is not Scorer.CHOICE]
    until, found = time.monotonic() + _ANSWER_SECONDS, list[int]()
    for item in written[:_ANSWERS]:
        [answer] = stage.fleet.ask(stage.reference, [question(item)])
        found.append(len(answer.token_ids))
        if time.monotonic() > until:
            break
    return mean(found)


def _first_unknown(known: Mapping[int, object]) -> int:
    """How many of the first items have a reply that is kept."""
    return next(at for at in range(len(known) + 1) if at not in known)


def _needed(stage: Stage) -> int:
    """How many items a candidate is asked, so that every small loss is seen that rules name."""
    least = stage.plan.accuracy_least_items
    first, rest = stage.items[:least], stage.items[least:]
    needs = needs_of(stage.rules, None, stage.items)
    return len(first) + len(missing_items(first, rest, needs))


def _odd_prompt(case: EdgeCase, base: float, rate: float, context: int) -> OddPrompt:
    """What is over the context is refused, and costs nothing."""
    if case.context_plus is not None:
        tokens = float(context + case.context_plus)
    else:
        texts = [content for _, content in case.turns or ()] + [case.text or ""]
        tokens = base + rate * sum(map(len, texts)) * case.repeat
    request = case.request(1, lambda _: (1,), lambda _: (1,) * (case.cut_tokens + 1))
    return OddPrompt(tokens if tokens < context else 0.0, is_natural(request), is_repeated(request))
