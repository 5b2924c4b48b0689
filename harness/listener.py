"""Listens to every natural answer of a session for what makes it degenerate."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from harness.answer import Answer, Finish, Messages, Request
from harness.bank import question
from harness.item import Item, Scorer
from harness.measurement import Measurement
from harness.metrics.degenerate import Symptom, is_natural, symptoms
from harness.metrics.quality import ended
from harness.reply import Reply

METRIC = "degenerate"
_Asked = tuple[Messages, int]
"""A chat and the room for its answer: asked again, it is the same."""
_Heard = dict[_Asked, frozenset[Symptom]]


class Listener:
    """Hears what variants answer, whichever suite asked, and tells of each suite by itself.

    What a chat was answered with more than once has the symptoms of all its answers. Without
    `is_chat` the model goes on with a text, so that it is no symptom where an answer has no end.
    Answers to `items` are heard up to what ends them, whoever asks.
    """

    def __init__(self, is_chat: bool = True, items: Sequence[Item] = ()) -> None:
        self._ending = {it.messages: it for it in items if it.until}
        self._passed_over = frozenset() if is_chat else frozenset({Symptom.NO_END})
        self._session: defaultdict[str, _Heard] = defaultdict(dict)
        self._check: defaultdict[str, _Heard] = defaultdict(dict)
        self._suites: defaultdict[tuple[str, str], _Heard] = defaultdict(dict)
        self._replies: dict[str, int] = {}

    def begin(self) -> None:
        """A check begins: what was heard before is not its own."""
        self._check.clear()

    def keep(self, suite: str, name: str) -> None:
        """What a check heard of another variant than its own belongs to the suite all the same."""
        mine = self._suites[suite, name]
        for asked, found in self._check.pop(name, {}).items():
            mine[asked] = mine.get(asked, frozenset()) | found

    def hear(self, name: str, plan: Sequence[Request], answers: Sequence[Answer]) -> None:
        """What a variant answered; what no user would read is passed over."""
        for request, answer in zip(plan, answers, strict=True):
            if is_natural(request) and answer.finish in (Finish.STOP, Finish.LENGTH):
                assert request.messages is not None
                asked = (request.messages, request.max_new_tokens)
                said = self._ended(request.messages, answer)
                found = frozenset(symptoms(request, said)) - self._passed_over
                for heard in (self._session[name], self._check[name]):
                    heard[asked] = heard.get(asked, frozenset()) | found

    def _ended(self, chat: Messages, answer: Answer) -> Answer:
        item = self._ending.get(chat)
        return ended(item, Reply(answer)).answer if item else answer

    def hear_replies(self, replies: Mapping[str, Sequence[Reply]], items: Sequence[Item]) -> None:
        """Replies of a session by variant, as far as they are new: some come from elsewhere.

        Where an item offers choices nothing is said, with no room for it and no fault.
        """
        for name, given in replies.items():
            known = self._replies.get(name, 0)
            new = list(zip(items[known:], given[known:], strict=False))
            said = [
                (it, ended(it, reply).answer) for it, reply in new if it.scorer is not Scorer.CHOICE
            ]
            self.hear(name, [question(it) for it, _ in said], [answer for _, answer in said])
            silent = [(it.messages, 0) for it, _ in new if it.scorer is Scorer.CHOICE]
            for heard in (self._session[name], self._check[name]):
                heard.update(dict.fromkeys(silent, frozenset()))
            self._replies[name] = len(given)

    def measurement(
        self, suite: str, name: str, reference: str, environment: str
    ) -> Measurement | None:
        """Of each chat that a variant answered in a suite so far: 1 for a degenerate answer.

        Beside the reference's answers to the same chats, where it has given some: 1 is then an
        answer with a symptom that the other's has not (`beyond`), and what the reference was not
        asked is left out. Labels name all symptoms. None where nothing was answered; where choices
        are all that was asked they count, or nothing would be known of such a bank.
        """
        self.keep(suite, name)
        mine = self._suites[suite, name]
        mine = {asked: found for asked, found in mine.items() if asked[1]} or mine
        theirs = self._session[reference] if name != reference else {}
        paired = [asked for asked in mine if asked in theirs]
        if not mine:
            return None
        values = [bool(beyond(mine[asked], theirs[asked])) for asked in paired]
        values = values or [bool(found) for found in mine.values()]
        return Measurement(
            suite=suite,
            metric=f"{suite}.{METRIC}",
            variant=name,
            unit="share",
            values=tuple(map(float, values)),
            environment=environment,
            reference_values=tuple(
                float(bool(beyond(theirs[asked], mine[asked]))) for asked in paired
            ),
            labels=tuple(", ".join(sorted(mine[asked])) for asked in paired or mine),
            beside=reference if paired else "",
        )


def beyond(one: frozenset[Symptom], other: frozenset[Symptom]) -> frozenset[Symptom]:
    """Symptoms of one answer that another to the same chat has not.

    An answer that was only cut before its end makes up for none that is empty or shows the
    template: where the room is small, that is most answers of a sound model.
    """
    found, outweighing = one - other, other - one - {Symptom.NO_END}
    return found - {Symptom.NO_END} if outweighing else found


def subject(it: Measurement) -> str:
    """What a summary begins with."""
    return f"degenerate answers in {it.suite} of {it.variant}: "


def summary(it: Measurement) -> str:
    """How many answers have which symptoms, for the reader: beside the reference, those that have
    one which its answer has not.
    """
    counted = [label for label, value in zip(it.labels, it.values, strict=True) if value]
    kinds = Counter(kind for label in counted for kind in label.split(", "))
    listed = ", ".join(f"{count:,} x {kind}" for kind, count in kinds.most_common())
    beside = f" ({it.beside}: {sum(it.reference_values):,.0f})" if it.beside else ""
    count = f"{sum(it.values):,.0f} of {len(it.values):,}"
    return f"{subject(it)}{count}{beside}: {listed}"
