"""The work of the checks on answers, distributions and promises."""

from collections.abc import Sequence

from harness.contracts import Contract
from harness.defaults import times_of
from harness.forcing import WINDOW_TOKENS
from harness.metrics.sampling import needed
from harness.planning.cost import SOURCE, Cost
from harness.planning.shape import Question, Shape
from harness.planning.work import START, Work, asked
from harness.repeats import NEW_TOKENS as REPEATED_TOKENS
from harness.unicode_texts import pieces_of_unicode
from harness.unicode_trial import TEXT_BYTES
from harness.visit import TALK_TOKENS
from harness.vocabulary import PIECE

_NORMAL = 16  # tokens of the normal request after each odd one
_CONTRACT_TOKENS = 8
_OPTIONS = 12  # requests on each prompt
_REPEATED_ITEMS = 32
_EXPLORED_TOKENS = 40  # of a text that Hypothesis makes, its template included
_TURNS_IN_MIND = 2  # of a chat that it makes, in the mean
_BYTES_PER_TOKEN = 2.0  # of odd characters
_FOUNDRY_PROMPTS = 4
_SLICES = 8


def accuracy(shape: Shape, name: str) -> Cost:
    """As many items as the rules want, of both; what is kept of the reference is not asked."""
    least = shape.plan.accuracy_least_items
    wanted = max(least, shape.needed if name != shape.reference else 0)
    count = min(wanted, len(shape.questions))
    if name == shape.reference:
        return Cost({name: replied(shape.questions[shape.known : count])}, shape.at_once)
    return Cost({name: replied(shape.questions[:count])}, shape.at_once)


def replied(questions: Sequence[Question]) -> Work:
    """Generated answers, and choices scored."""
    prompts = [it.prompt + it.offered for it in questions]
    news = [it.answer for it in questions]
    attended = (new * (prompt + new / 2) for prompt, new in zip(prompts, news, strict=True))
    return Work(
        requests=len(prompts),
        prompt_tokens=sum(prompts),
        squares=sum(prompt**2 for prompt in prompts),
        new_tokens=sum(news),
        attended=sum(attended),
    )


def precision(shape: Shape, name: str) -> Cost:
    """Own and expected answers, and windows of text, read by all variants at the same time, by the
    controls of all but the reference too.
    """
    plan = shape.plan
    total = Work()
    for it in shape.questions[: plan.precision_items]:
        tokens = it.offered / it.choices if it.choices else it.answer
        total += asked(it.prompt + tokens, scored=tokens) * (2 if it.shows else 1)
    windows = min(plan.precision_windows, shape.text_tokens // WINDOW_TOKENS)
    total += asked(WINDOW_TOKENS, scored=WINDOW_TOKENS / 2) * windows
    if name != shape.reference:
        total = total * 2 + START  # the control is as dear as the candidate
    return Cost({name: total}, min(shape.at_once, 2 * len(shape.roles) - 1))


def precision_source(shape: Shape, name: str) -> Cost:
    """The source's own reading of the reference's answers, once a session."""
    if name != shape.reference or not shape.has_source:
        return Cost()
    total = Work()
    for it in shape.questions[: shape.plan.source_items]:
        tokens = it.offered if it.choices else it.answer
        total += asked(it.prompt + tokens, scored=tokens)
    return Cost({name: total, SOURCE: total + START})


def edge_cases(shape: Shape, name: str) -> Cost:
    """Each odd request twice with a normal one after it, and texts of every class of Unicode; of
    what nobody judges the answers alone.
    """
    total = START
    if not shape.is_judged(name, "edge_cases.broken", "edge_cases.unicode"):
        for it in shape.odd:
            total += asked(it.tokens, _NORMAL) if it.is_natural else Work()
        return Cost({name: total})
    for it in shape.odd:
        total += asked(it.tokens, _NORMAL) * (2 if it.is_repeated else 1) + _normal(shape)
    groups = pieces_of_unicode() if shape.is_judged(name, "edge_cases.unicode") else {}
    for found in groups.values():
        chosen = found[: shape.plan.edge_unicode or None]
        size = sum(len(it.text.encode()) + 1 for it in chosen)
        texts = -(-size // TEXT_BYTES)
        tokens = size / texts / _BYTES_PER_TOKEN if texts else 0.0
        total += asked(_EXPLORED_TOKENS + tokens, 1) * texts + _normal(shape)
    return Cost({name: total}, shape.together(name))


def tokenizer_risks(shape: Shape, name: str) -> Cost:
    """A few short requests."""
    if not shape.is_judged(name, "edge_cases.special_tokens", "edge_cases.nul"):
        return Cost()
    return Cost({name: START + _normal(shape) * 3}, shape.together(name))


def _normal(shape: Shape) -> Work:
    return asked(shape.prompt, min(_NORMAL, shape.answer or _NORMAL))


def vocabulary(shape: Shape, name: str) -> Cost:
    """Prompts of token ids, a normal request after each."""
    if not shape.is_judged(name, "edge_cases.token_ids"):
        return Cost()
    ids = min(shape.plan.edge_token_ids or shape.vocabulary, shape.vocabulary)
    size = max(1, min(PIECE, shape.context // 2))
    return Cost(
        {name: START + (asked(size, 1) + _normal(shape)) * (ids / size)}, shape.together(name)
    )


def exploration(shape: Shape, name: str) -> Cost:
    """Texts and chats that Hypothesis makes."""
    if not shape.is_judged(name, "edge_cases.found"):
        return Cost()
    plan = shape.plan
    text = asked(_EXPLORED_TOKENS, _CONTRACT_TOKENS) * 2 + _normal(shape)
    turn = asked(_EXPLORED_TOKENS * (1 + _TURNS_IN_MIND), _CONTRACT_TOKENS) * 2
    turns = plan.edge_chats * plan.edge_chat_steps / 2
    total = START + text * plan.edge_examples + turn * turns
    return Cost({name: total}, shape.together(name))


def sampling(shape: Shape, name: str) -> Cost:
    """Every option on each prompt."""
    if not shape.is_judged(name, *(f"contracts.{it}" for it in Contract)):
        return Cost()
    count = shape.plan.contract_prompts
    texts = asked(shape.prompt, scored=_CONTRACT_TOKENS)
    cut = asked(shape.prompt, scored=shape.prompt)
    each = asked(shape.prompt, _CONTRACT_TOKENS) * _OPTIONS + cut + texts
    return Cost(
        {name: each * count + asked(shape.prompt, _CONTRACT_TOKENS) * 4}, shape.together(name)
    )


def repeats(shape: Shape, name: str) -> Cost:
    """A few prompts again and again."""
    count = _REPEATED_ITEMS
    if shape.is_judged(name, "contracts.changed"):
        count += needed(shape.plan.repeat_rate)
    return Cost({name: asked(shape.prompt, REPEATED_TOKENS) * count}, shape.together(name))


def foundry(shape: Shape, name: str) -> Cost:
    """Answers of Foundry Local's, the variant's own to the same, and options on a few prompts."""
    plan = shape.plan
    written = [it for it in shape.questions if not it.choices]
    sample = min(plan.default_items, len(written))
    talk = asked(shape.prompt, TALK_TOKENS) * (0 if written else plan.default_items)
    own = asked(shape.prompt, shape.answer) * (sample + plan.foundry_items * _SLICES) + talk
    answers = times_of(sample) * sample + plan.foundry_items * _SLICES
    there = asked(shape.prompt, shape.answer) * answers + talk * 2
    options = asked(shape.prompt, _CONTRACT_TOKENS) * (_OPTIONS * _FOUNDRY_PROMPTS)
    return Cost({name: START + own + there + options}, shape.all_together)
