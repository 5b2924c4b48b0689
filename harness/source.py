"""What the checkpoint itself says, asked once a session, for variants to be compared with."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from harness.answer import Messages, Request, is_question
from harness.errors import InfrastructureError, ModelError, RequestError
from harness.exam import choice_requests
from harness.fleet import Fleet
from harness.forcing import Passage, own_and_expected, read
from harness.item import Item, Scorer
from harness.metrics.divergence import Logits, shortfall
from harness.metrics.sampling import penalized
from harness.metrics.scaling import deviation
from harness.metrics.scorers.choice import behind
from harness.parity import CHATS, TEXTS, AddedToken, Cause, Ids, cause, or_none, typed
from harness.probes.folder import read_folder, read_penalty
from harness.release import TRANSFORMERS
from harness.reply import Reply
from harness.runtimes.isolated import Isolated

_LEAST_SECONDS = 120.0
_MOST = 1e9  # nats: what the source finds impossible is infinitely far


@dataclass(frozen=True, slots=True)
class Choosing:
    """An item of several choices, how to have them scored, and what the reference made of them."""

    item: Item
    request: Request
    reply: Reply


@dataclass(frozen=True, slots=True)
class Questions:
    """What the checkpoint in a folder is asked: texts and chats by name, to be encoded; passages of
    the reference's own answers and of choices, to be scored; and to choose.

    An answer of the reference's ends with one of `end_tokens`; `added` are the tokens that the
    source's tokenizer finds in text before all others.
    """

    directory: Path
    texts: Mapping[str, str]
    chats: Mapping[str, Messages]
    passages: Sequence[Passage]
    end_tokens: tuple[int, ...]
    added: tuple[AddedToken, ...] = ()
    choosing: tuple[Choosing, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """Token ids of each text and chat, and how far the reference is from the source.

    `rendered` is what the reference's template made of one chat just before. By position of the
    passages in `labels`: `kld` in nats, and `logit_error`, the mean distance of the logits over how
    far the source's lie from their middle. `shortfall` says how much likelier than what the
    reference answered or chose the source finds something else, in nats: 0 where its greedy answer
    is the same, under the reference's repetition penalty. It has one value for each token that was
    generated and each choice, of the items in `shortfall_labels`. `kept_from` says when an earlier
    session asked it, where it was kept.
    """

    asked: Questions
    ids: Mapping[str, Ids]
    rendered: str | None = None
    kld: tuple[float, ...] = ()
    logit_error: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()
    shortfall: tuple[float, ...] = ()
    shortfall_labels: tuple[str, ...] = ()
    kept_from: str = ""


def questions(
    directory: Path, fleet: Fleet, reference: str, replied: Sequence[tuple[Item, Reply]]
) -> Questions:
    """What to ask a checkpoint, about these items and the reference's replies among others."""
    items, replies = zip(*replied, strict=True)
    own = [it for it, _ in own_and_expected(fleet, reference, items, replies)]
    added = tuple(
        AddedToken(str(it["content"]), bool(it.get("lstrip")), bool(it.get("rstrip")))
        for it in read_folder(directory).documents.get("tokenizer.json", {}).get("added_tokens", [])
    )
    chats = {**CHATS, **{f"item {item.id}": item.messages for item in items}}
    return Questions(
        directory,
        {**TEXTS, **typed(added)},
        {name: it for name, it in chats.items() if fleet.is_chat or is_question(it)},
        [it for it in own if it.positions],
        read_folder(fleet.variant(reference).directory).end_tokens,
        added,
        _choosing(fleet, reference, replied),
    )


def _choosing(
    fleet: Fleet, reference: str, replied: Sequence[tuple[Item, Reply]]
) -> tuple[Choosing, ...]:
    chosen = [(item, reply) for item, reply in replied if item.scorer is Scorer.CHOICE]
    if not chosen:
        return ()
    requests = choice_requests(fleet, reference, [item for item, _ in chosen])
    pairs = zip(chosen, requests, strict=True)
    return tuple(Choosing(item, request, reply) for (item, reply), request in pairs)


def causes(facts: SourceFacts, fleet: Fleet, name: str) -> dict[str, Cause | None]:
    """Of each text and chat that the source was asked, why a variant's token ids are others.

    None where they are the same. A chat that one of the two refuses differs, too.
    """

    def encode(text: str) -> Ids:
        return or_none(lambda: fleet.encode(name, [text])[0])

    def render(chat: Messages) -> str | None:
        return or_none(lambda: fleet.render(name, [chat])[0])

    texts: dict[str, str | None] = dict(facts.asked.texts)
    texts |= {key: render(chat) for key, chat in facts.asked.chats.items()}
    added = facts.asked.added
    return {key: cause(text, facts.ids[key], encode, added) for key, text in texts.items()}


def ask_source(asked: Questions, fleet: Fleet, reference: str) -> SourceFacts:
    """Have the checkpoint answer in a child process of its own, which is ended at once.

    Raises InfrastructureError where it cannot: transformers is not installed, or does not load the
    checkpoint. That is no fault of any variant's.
    """
    with _source(asked, fleet) as source:
        return _facts(source, fleet, reference, asked)


def renewed(facts: SourceFacts, fleet: Fleet, reference: str) -> SourceFacts:
    """The facts as they are where chats are rendered as when the source was asked, or with the
    token ids of today: a chat template may write the date.

    Raises InfrastructureError as above.
    """
    rendered = rendered_chat(fleet, reference)
    if rendered == facts.rendered:
        return facts
    with _source(facts.asked, fleet) as source:
        return replace(facts, rendered=rendered, ids=_ids(source, facts.asked))


def rendered_chat(fleet: Fleet, reference: str) -> str | None:
    """What the reference's template makes of one chat now; None where it refuses that."""
    return or_none(lambda: fleet.render(reference, [CHATS["one question"]])[0])


@contextlib.contextmanager
def _source(asked: Questions, fleet: Fleet) -> Iterator[Isolated]:
    with Isolated(
        TRANSFORMERS,
        asked.directory,
        patience=fleet.patience.at_least(_LEAST_SECONDS),  # it is not the source that is on trial
        label="the source",
        is_chat=fleet.is_chat,
    ) as source:
        try:
            yield source
        except ModelError as error:
            if error.variant:
                raise
            raise InfrastructureError(f"it cannot be compared with the source: {error}") from error


def _facts(source: Isolated, fleet: Fleet, reference: str, asked: Questions) -> SourceFacts:
    rendered, ids = rendered_chat(fleet, reference), _ids(source, asked)
    kld, error, labels = list[float](), list[float](), list[str]()
    short = list[tuple[str, float]]()
    penalty = read_penalty(fleet.variant(reference).directory)
    for passage in asked.passages:
        theirs, mine = _read(source, passage), read(fleet, reference, passage)
        if theirs.shape != mine.shape:
            raise InfrastructureError(
                f"the source's vocabulary has {theirs.shape[1]} tokens, that of {reference} has "
                f"{mine.shape[1]}: build it from this checkpoint"
            )
        apart = deviation(theirs, mine)
        known = np.isfinite(apart.kld)
        kld += apart.kld[known].tolist()
        error += (apart.error[known] / apart.spread[known]).tolist()
        labels += [passage.label] * int(known.sum())
        if passage.is_said:
            values = _said_short(theirs, passage, asked.end_tokens, penalty)
            short += [(passage.label, value) for value in values]
    short += [(one.item.id, _behind(source, one)) for one in asked.choosing]
    known_short = [(label, min(value, _MOST)) for label, value in short if not math.isnan(value)]
    return SourceFacts(
        asked,
        ids,
        rendered,
        tuple(kld),
        tuple(error),
        tuple(labels),
        shortfall=tuple(value for _, value in known_short),
        shortfall_labels=tuple(label for label, _ in known_short),
    )


def _said_short(
    theirs: Logits, said: Passage, end_tokens: tuple[int, ...], penalty: float
) -> list[float]:
    """The shortfall in nats of each token of an answer, by the rule that chose them."""
    likely = [(token,) for token in said.scored] + [end_tokens] * said.ends
    prompt = said.token_ids[: said.score_from]
    found: list[float] = shortfall(penalized(theirs, prompt, said.scored, penalty), likely).tolist()
    return found


def _behind(source: Isolated, asked: Choosing) -> float:
    [answer] = source.run([asked.request])
    if len(answer.log_likelihoods) != len(asked.item.choices):
        raise RequestError(answer.error)
    return behind(asked.item, asked.reply, answer.log_likelihoods)


def _ids(source: Isolated, asked: Questions) -> dict[str, Ids]:
    def encode(text: str) -> Ids:
        return or_none(lambda: source.encode([text])[0])

    def of_chat(chat: Messages) -> Ids:
        return or_none(lambda: source.encode(source.render([chat]))[0])

    texts = {name: encode(text) for name, text in asked.texts.items()}
    return texts | {name: of_chat(chat) for name, chat in asked.chats.items()}


def _read(source: Isolated, passage: Passage) -> Logits:
    [answer] = source.run([passage.request])
    if answer.logits is None:
        raise RequestError(answer.error)
    return answer.logits
