"""The work of the checks on time and memory, by the numbers of the plan and of their modules."""

from harness.climb import (
    SHORT,
    WARMUPS,
    WINDOW_TOKENS,
    most_again,
    times_again,
    times_first,
)
from harness.generation import NEW_TOKENS as RECITED_TOKENS
from harness.long_chat import chat_lengths
from harness.planning.cost import SOURCE, Cost
from harness.planning.shape import Shape, mean
from harness.planning.work import RELOAD, START, Work, asked
from harness.route import NEW_TOKENS as RUNG_TOKENS
from harness.soak import (
    DEAR_REQUESTS,
    LONG_CHARACTERS,
    LONG_REQUESTS,
    PEAK_CYCLES,
    REQUESTS,
    ROOM_TOKENS,
    TOKENS_PER_CHARACTER,
)
from harness.soak import NEW_TOKENS as SOAKED_TOKENS
from harness.speed import (
    LONG_EVERY,
    OPENING_TOKENS,
    UPTIME_TOKENS,
    WARM_TOKENS,
    uptime_tokens,
)
from harness.stats.steady import WINDOW
from harness.stats.trend import LEAST_LEVELS

_UPTIME_DOUBLED = 3  # as many as planned in the mean, until slowing with use is excluded
_RELOADED = 4  # requests between two reloads
_TIMED_TOKENS = 2  # of an answer at least
_PARTS = (2, 4, 8, 16)  # of the longest context, that are held
_DOUBTED = 0.15  # of a candidate's ladder is in doubt, and measured again, in the mean
_DEVICE_TOKENS = 9
_FEW = 4


def latency(shape: Shape, name: str) -> Cost:
    """The least number of process pairs, beside each rival."""
    total = Cost()
    for beside in shape.rivals(name):
        each = _pair(shape, is_used=beside == shape.reference != name)
        both = {name: each} if beside != name else {name: each * 2}
        total += Cost(both if beside == name else {**both, beside: each})
    return total


def _pair(shape: Shape, is_used: bool) -> Work:
    """What one side does in all process pairs; beside the reference it `is_used` for long."""
    plan, pairs = shape.plan, shape.plan.latency_least_processes
    longs = max(1, plan.latency_pairs // LONG_EVERY)
    mix = shape.questions[: max(1, plan.latency_pairs - longs)]
    each = START + asked(shape.prompt, WARM_TOKENS) * WINDOW
    each += asked(shape.prompt, max(shape.longest_answer, UPTIME_TOKENS)) * (longs + 1)
    for it in mix:
        each += asked(it.prompt, max(it.answer, _TIMED_TOKENS))
    used = plan.latency_uptime_pairs * _UPTIME_DOUBLED if is_used else 0
    uptime = (
        asked(shape.prompt, uptime_tokens(1e3 * shape.token_seconds, plan.latency_uptime_pairs))
        * used
    )
    return each * pairs + RELOAD * min(pairs, plan.load_repetitions) + uptime


def load_time(shape: Shape, name: str) -> Cost:
    """As many loads and first answers as the pairs of the latency check did not measure."""
    plan = shape.plan
    more = max(0, plan.load_repetitions - plan.latency_least_processes)
    each = (START + RELOAD + asked(shape.prompt, OPENING_TOKENS)) * more
    return Cost(dict.fromkeys({name, *shape.rivals(name)}, each))


def budgets(shape: Shape, name: str) -> Cost:
    """Two processes with prompts of the device's length."""
    answers = shape.plan.device_answers if name != shape.reference else 2 * (_FEW - 1)
    prompt = min(shape.device_prompt, shape.context - _DEVICE_TOKENS)
    return Cost({name: START * 2 + asked(prompt, _DEVICE_TOKENS) * (answers + 2)})


def memory(shape: Shape, name: str) -> Cost:
    """Cycles of each kind, and the reference's peak where nothing has measured it."""
    cycles = shape.plan.memory_cycles
    fewer = max(cycles // 2, min(cycles, LEAST_LEVELS))
    cycle = asked(shape.prompt, SOAKED_TOKENS) * REQUESTS
    if not _is_soaked(shape, name):
        return Cost()
    most = min(shape.answer or ROOM_TOKENS, ROOM_TOKENS)  # nobody knows it of choices alone
    ended = asked(shape.prompt, most)
    stopped = (asked(shape.prompt, SOAKED_TOKENS / 2) + ended) * (REQUESTS * fewer / 2)
    refused = Work(requests=DEAR_REQUESTS * fewer)
    characters = min(mean(LONG_CHARACTERS), shape.context / TOKENS_PER_CHARACTER)
    one_long = asked(shape.chat_tokens + characters * shape.tokens_per_character, 2)
    long = one_long * (LONG_REQUESTS * min(cycles, LEAST_LEVELS))
    works = {name: START + cycle * cycles + stopped + refused + long}
    candidates = [it for it in shape.roles if it != shape.reference]
    if candidates[:1] == [name] and not _is_soaked(shape, shape.reference):
        # Its peak is what the others' are compared with.
        works[shape.reference] = START + cycle * min(cycles, PEAK_CYCLES)
    return Cost(works, shape.together(name))


def _is_soaked(shape: Shape, name: str) -> bool:
    return shape.is_judged(name, "memory.private", "memory.heap", "memory.peak")


def context(shape: Shape, name: str) -> Cost:
    """The longest context, and parts of it, held."""
    if not shape.is_judged(name, "memory.context", "memory.context_peak"):
        return Cost()
    longest = min(shape.context, shape.plan.scaling_longest_tokens or shape.context)
    held = asked(shape.context, 2)
    for part in _PARTS:
        held += asked(longest // part, 2)
    return Cost({name: START + held}, shape.together(name))


def reload(shape: Shape, name: str) -> Cost:
    """Some answers between loads."""
    if not shape.is_judged(name, "memory.given_back", "memory.left_behind"):
        return Cost()
    times = shape.plan.memory_reloads + 1
    each = RELOAD + asked(shape.prompt, SOAKED_TOKENS) * _RELOADED
    return Cost({name: START + each * times}, shape.together(name))


def scaling(shape: Shape, name: str) -> Cost:
    """The climb of all, for the reference; for each of the others what is in doubt once more."""
    rungs = shape.rungs
    if not rungs:
        return Cost()
    if name != shape.reference:
        again = START
        for length in rungs:
            times = min(times_again(length), most_again(shape.rung_seconds.get(length, 0.0)))
            again += asked(length, RUNG_TOKENS) * (times * 2 * _DOUBTED)
        return Cost(dict.fromkeys((name, shape.reference), again))
    short = asked(rungs[0], RUNG_TOKENS) * (2 * SHORT + WARMUPS)
    each = START + short + _windows(shape) * (1 / shape.all_together)
    for length in rungs:
        seconds = shape.rung_seconds.get(length, 0.0)
        times = times_first(length, seconds, shape.plan.scaling_repetitions)
        each += asked(length, RUNG_TOKENS) * times
    return Cost(dict.fromkeys(shape.roles, each))


def _windows(shape: Shape) -> Work:
    """Each rung once for its logits; a prompt that is too short for the window several times."""
    total = Work()
    for length in shape.rungs:
        most = min(WINDOW_TOKENS, max(1, length - 8))
        times = -(-WINDOW_TOKENS // most)
        total += asked(length, 0, scored=most) * times
    return total * shape.plan.scaling_texts


def generation(shape: Shape, name: str) -> Cost:
    """Each long chat told, read and changed in three places."""
    total = Work()
    for length in chat_lengths(shape.rungs):
        total += asked(length, RECITED_TOKENS) + asked(length, 0, RECITED_TOKENS)
        total += asked(length, 1) + asked(length, 1, kept=length / 2) + Work(requests=3)
    return Cost({name: total}, shape.together(name))


def source_lengths(shape: Shape, name: str) -> Cost:
    """The source in transformers at each length, of which the climb has the reference's logits."""
    if name != shape.reference or not shape.has_source:
        return Cost()
    most = shape.plan.source_longest_tokens
    total = Work()
    for length in (it for it in shape.rungs if not most or it <= most):
        total += asked(length, 0, scored=8)
    return Cost({SOURCE: total + START})
