"""Does it keep what its options promise, and say the same again and again?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from harness.answer import Messages
from harness.bench import Bench
from harness.contracts import Contract, Held, hold, uncertain_prompts
from harness.measurement import Measurement
from harness.metrics.likelihood import Tokens
from harness.metrics.sampling import needed
from harness.plugins.measure import Record
from harness.repeats import Changed, ask_again

NEW_TOKENS = 8
REPEATED_ITEMS = 32


def test_sampling(bench: Bench, record: Record) -> None:
    """Seeds decide texts, and a temperature near 0, a top_k of 1 or a tiny top_p are greedy."""
    if not bench.is_judged(*Contract):
        record(bench.unjudged(Contract.SAME_SEED))
        return
    held = bench.together("sampling", _held)
    record(*(_counted(bench, it, held) for it in Contract))


def test_repeats(bench: Bench, record: Record) -> None:
    """A few prompts again and again in one process: each greedy answer is the first one's.

    Whoever is not judged answers once, for others to be compared with.
    """
    found = bench.together("repeats", _repeated)
    labels = [f"{name} (request {at}: {why})" if why else name for at, name, why in found]
    if not bench.is_judged("changed"):
        record(bench.unjudged("changed"))
        return
    record(bench.sample("changed", "count", [bool(it[2]) for it in found], labels=labels))


def _held(bench: Bench) -> Held:
    asked = bench.some_items(bench.plan.contract_prompts)
    ids = bench.encode(bench.render([it.messages for it in asked]))
    named = [(item.id, tuple(tokens)) for item, tokens in zip(asked, ids, strict=True)]
    prompts = uncertain_prompts(bench.ask, named, bench.random("seeds"), NEW_TOKENS)
    return hold(bench.ask, bench.chances, prompts)


def _repeated(bench: Bench) -> Changed:
    """Of each request but the first of a prompt what is not as it was."""
    named = [(item.id, item.messages) for item in bench.some_items(REPEATED_ITEMS)]
    count = needed(bench.plan.repeat_rate) if bench.is_judged("changed") else 0
    return ask_again(bench.ask, partial(_prompts_anew, bench), bench.chances, named, count)


def _prompts_anew(bench: Bench, chats: Sequence[Messages]) -> list[Tokens]:
    with bench.fresh() as runtime:
        return [tuple(tokens) for tokens in runtime.encode(runtime.render(chats))]


def _counted(bench: Bench, contract: Contract, held: Held) -> Measurement:
    if held.absence:
        return replace(bench.sample(contract, "count", ()), absence=held.absence)
    return _named(bench, contract, held.problems[contract])


def _named(bench: Bench, metric: str, problems: Mapping[str, str]) -> Measurement:
    labels = [f"{name} ({problem})" if problem else name for name, problem in problems.items()]
    return bench.sample(metric, "count", list(map(bool, problems.values())), labels=labels)
