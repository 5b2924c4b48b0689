"""Does the real Foundry Local runtime give the same answers, and good ones with no options set?

It is a runtime of chats. A model without a chat template is no candidate for it and is not
published there, so that nothing here is applicable to one: a policy may require this suite, and
such a model can be GO all the same, to be shipped with an application that asks
onnxruntime-genai for plain text.
"""

from dataclasses import replace

from harness.bench import Bench
from harness.contracts import Held
from harness.evidence import NO_CHATS
from harness.measurement import Measurement
from harness.plugins.measure import Record


def test_same_answers(bench: Bench, record: Record) -> None:
    """Chats of every slice, through Foundry Local: greedily, as applications ask that set nothing,
    and with each option that promises something.
    """
    if not bench.is_chat:
        metrics = {"foundry.same_answers", *(rule.metric for rule in bench.rules)}
        record(*(bench.absent(it.removeprefix("foundry."), NO_CHATS) for it in sorted(metrics)))
        return
    visit = bench.visit_foundry()
    same = [float(a.text == b.text) for a, b in zip(visit.own, visit.answers, strict=True)]
    answers = bench.sample("same_answers", "share", same, labels=[it.slice for it in visit.items])
    record(answers, *_defaults(bench), _contracts(bench, visit.held))


def _defaults(bench: Bench) -> list[Measurement]:
    """Right answers that are lost where no option is set, beside the reference's."""
    mine, theirs = (bench.visit_foundry(it).defaults for it in ("", bench.reference))
    paired = theirs.lost if bench.variant.name != bench.reference else ()
    found = [
        bench.sample("default_loss", "share", mine.lost, paired, mine.names),
        bench.sample("default_lost", "share", mine.lost, labels=mine.names),
        bench.sample("unrepeatable", "share", mine.differs),
    ]
    heat = [] if mine.heat is None else [mine.heat]
    unasked = "" if mine.names else "no item leaves the room that Foundry Local reserves"
    unscored = "" if heat else "no answer could be scored by the model's own logits"
    evidence = replace(bench.sample("default_heat", "nats", heat), absence=unasked or unscored)
    return [*(replace(each, absence=unasked) for each in found), evidence]


def _contracts(bench: Bench, held: Held) -> Measurement:
    """Every broken promise by contract and prompt."""
    problems = {
        f"{contract}, {name}": problem
        for contract, found in held.problems.items()
        for name, problem in found.items()
    }
    labels = [f"{name} ({problem})" if problem else name for name, problem in problems.items()]
    counted = bench.sample("contracts", "count", list(map(bool, problems.values())), labels=labels)
    return replace(counted, absence=held.absence)
