"""What users type by accident or on purpose."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.answer import Request
from harness.bank import question
from harness.bench import Bench
from harness.conversation import Conversation
from harness.errors import CrashError, HangError
from harness.evidence import NO_CHATS
from harness.exploration import Discovery, Effort, explore_chats, explore_texts
from harness.item import Item
from harness.measurement import Measurement
from harness.metrics.degenerate import is_natural
from harness.metrics.edge_cases import Expected, expected_of
from harness.ordeal import OddRequest, Ordeal
from harness.past_failures import PastFailures
from harness.plugins.measure import OddRequests, Record
from harness.probes.folder import read_folder, read_penalty
from harness.probes.tokenizer import read_tokenizer
from harness.tokenizer_risk import cut_at_nul, typed_special_tokens, unnormalized, without_token
from harness.unicode_texts import Piece, pieces_of_unicode
from harness.unicode_trial import broken_texts
from harness.vocabulary import broken_pieces, chosen_ids, pieces

Problems = dict[str, str]
"""What is wrong with each, by name; empty where nothing is."""

Risks = dict[str, bool]
"""Whether each is there, by name."""

NORMAL_TOKENS = 16
SPOKEN_ITEMS = 4
NEW_TOKENS = 8


def test_edge_cases(bench: Bench, edge_cases: OddRequests, record: Record) -> None:
    """Each case ends as it must and keeps every promise, and the next normal request is as before.

    So do some items whose answers go beyond ASCII: a broken stream shows there. And texts of every
    class of Unicode are read, written and answered. Of a reference nobody judges that: it is asked
    once, for its answers to be compared with.
    """
    if not bench.is_judged("broken", "unicode"):
        _answer(bench, edge_cases(bench))
        record(bench.unjudged("broken"))
        return
    problems, unicode = bench.together("edge cases", lambda it: _tried(it, edge_cases(it)))
    is_judged = bench.is_judged("unicode")
    odd = _named(bench, "unicode", unicode) if is_judged else bench.unjudged("unicode")
    record(_named(bench, "broken", problems), odd)


def test_tokenizer_risks(bench: Bench, record: Record) -> None:
    """What today's runtimes are known to do with special tokens, NUL and decomposed accents."""
    if not bench.is_judged("special_tokens", "nul", "normalizer", "no_token"):
        record(bench.unjudged("special_tokens"))
        return
    typed, cut, other, absent = bench.together("tokenizer risks", _risks)
    absence = "" if typed else "no tokenizer.json that names its special tokens"
    whole = {} if absence else {"every byte has a token": False}
    record(
        replace(_counted(bench, "special_tokens", typed), absence=absence),
        _counted(bench, "nul", cut),
        _counted(bench, "normalizer", other),
        replace(_counted(bench, "no_token", absent or whole), absence=absence),
    )


def test_vocabulary(bench: Bench, record: Record) -> None:
    """Every token id can be in a prompt, or as many as the policy wants of more than that."""
    if not bench.is_judged("token_ids", "tried_ids"):
        record(bench.unjudged("token_ids"))
        return
    problems, count = bench.together("token ids", _tried_ids)
    record(_named(bench, "token_ids", problems), bench.sample("tried_ids", "ids", [count]))


def _tried_ids(bench: Bench) -> tuple[Problems, int]:
    """What is wrong with prompts of a variant's own token ids, and how many of them were tried."""
    folder = read_folder(bench.variant.directory)
    size, special = int(folder.model["vocab_size"]), folder.added_tokens.values()
    random = bench.random(f"token ids of {bench.variant.digest}")  # of another build other ones
    ids = chosen_ids(size, bench.plan.edge_token_ids, special, random)
    with _ordeal(bench) as ordeal:
        return broken_pieces(ordeal, pieces(ids, bench.context_tokens)), len(ids)


def test_exploration(bench: Bench, failures: Path, record: Record) -> None:
    """Hypothesis finds no text and no chat that breaks a promise.

    A model that is not asked in chats gets texts alone, and may refuse one of nothing.
    """
    if not bench.is_judged("found", "explored"):
        record(bench.unjudged("found"))
        return
    folders = failures.parent  # of each variant one, for it has failures of its own
    found = bench.together("exploration", lambda one: _explored(one, folders / one.variant.name))
    record(
        _discovered(bench, found),
        bench.sample("explored", "tries", [each.tried for each in found.values()]),
    )


def _explored(bench: Bench, failures: Path) -> dict[str, Discovery]:
    """What was found in texts, and in chats where it is asked in chats."""
    plan, seed = bench.plan, int(bench.random("exploration").integers(2**32))
    found: dict[str, Discovery] = {}
    with _ordeal(bench) as ordeal:
        found["texts"] = explore_texts(
            lambda text: ordeal.problem(
                _chat(text), expected_of(text) if bench.is_chat or text.strip() else Expected.EITHER
            ),
            Effort(plan.edge_examples, seed, PastFailures(failures / "texts.jsonl")),
        )
        if bench.is_chat:
            past = PastFailures(failures / "chats.jsonl")
            found["chats"] = explore_chats(
                lambda: Conversation(ordeal, bench.context_tokens),
                Effort(plan.edge_chats, seed, past, plan.edge_chat_steps),
            )
        else:
            bench.remark(f"chats are not explored, {NO_CHATS}")
    return found


def _risks(bench: Bench) -> tuple[Risks, Risks, Risks, Risks]:
    tokenizer = read_tokenizer(bench.variant.directory)
    with _ordeal(bench) as ordeal:
        typed = typed_special_tokens(ordeal.runtime, tokenizer)
        return (
            typed,
            cut_at_nul(ordeal.runtime, bench.is_chat),
            unnormalized(ordeal.runtime, tokenizer),
            without_token(ordeal.runtime, tokenizer),
        )


def _answer(bench: Bench, cases: Mapping[str, OddRequest]) -> None:
    """Have each case answered that a user would read the answer to; the listener hears it."""
    plan = [it for it, _ in {**cases, **_spoken(bench.items)}.values() if is_natural(it)]
    with bench.fresh() as runtime:
        for request in plan:
            try:
                runtime.run([request])
            except (CrashError, HangError) as error:  # no harm to a device: less to compare with
                bench.remark(f"{bench.variant.name} gave no answer to an odd request: {error}")


def _tried(bench: Bench, cases: Mapping[str, OddRequest]) -> tuple[Problems, Problems]:
    """What is wrong with each case, and with each kind of Unicode where that is judged."""
    with _ordeal(bench) as ordeal:
        named = {**cases, **_spoken(bench.items)}
        problems = {name: ordeal.problem(*case) for name, case in named.items()}
        is_judged = bench.is_judged("unicode")
        return problems, broken_texts(ordeal, _chosen(bench)) if is_judged else {}


@contextlib.contextmanager
def _ordeal(bench: Bench) -> Iterator[Ordeal]:
    """A process of its own, and a normal request to hold it against."""
    normal = replace(question(bench.items[0]), max_new_tokens=NORMAL_TOKENS)
    directory = bench.variant.directory
    tokenizer, penalty = read_tokenizer(directory), read_penalty(directory)
    with bench.fresh() as runtime:
        yield Ordeal(runtime, normal, tokenizer, penalty)


def _chosen(bench: Bench) -> dict[str, Sequence[Piece]]:
    """The pieces of each group, or as many of them as the policy asks for."""
    groups, count = pieces_of_unicode(), bench.plan.edge_unicode
    order = bench.random("unicode")
    return {
        name: [found[at] for at in sorted(order.permutation(len(found))[: count or None])]
        for name, found in groups.items()
    }


def _spoken(items: Sequence[Item]) -> dict[str, OddRequest]:
    beyond = [item for item in items if not item.expected.isascii()][:SPOKEN_ITEMS]
    return {f"item {it.id}": (replace(question(it), fresh=True), Expected.ANSWER) for it in beyond}


def _chat(text: str) -> Request:
    return Request(messages=(("user", text),), max_new_tokens=NEW_TOKENS, fresh=False)


def _named(bench: Bench, metric: str, problems: Mapping[str, str]) -> Measurement:
    """1 for each that has a problem, which is named with it."""
    labels = [f"{name} ({problem})" if problem else name for name, problem in problems.items()]
    return bench.sample(metric, "count", list(map(bool, problems.values())), labels=labels)


def _counted(bench: Bench, metric: str, found: Mapping[str, bool]) -> Measurement:
    return bench.sample(metric, "count", list(found.values()), labels=list(found))


def _discovered(bench: Bench, found: Mapping[str, Discovery]) -> Measurement:
    labels = [it.label or name for name, it in found.items()]
    return bench.sample("found", "count", [bool(it.label) for it in found.values()], labels=labels)
