from dataclasses import replace

from harness.answer import Answer, Finish
from harness.chances import Chances
from harness.defaults import (
    Settings,
    ask_defaults,
    default_requests,
    settings_of,
    times_of,
    with_ids,
)
from harness.item import Item, Scorer
from harness.reply import Reply
from tests.letting_go import LettingGo

ITEMS = tuple(
    Item(f"item-{at}", (("user", f"question {at}"),), "LIS", slice=f"slice {at % 2}")
    for at in range(3)
)
RIGHT, WRONG = (Answer(prompt_ids=(1,), text=text) for text in ("LIS", "ROM"))


def defaults(*answers, greedy=(RIGHT, RIGHT, WRONG)):
    chances = Chances(lambda plan: [Answer() for _ in plan], (2,))
    replies = [Reply(it) for it in greedy]
    return ask_defaults(lambda plan: answers, chances, ITEMS, replies, Settings())


def test_a_request_without_options_ends_where_its_item_has_no_room():
    [request, *_] = default_requests(ITEMS)
    assert request.defaults
    assert request.sampling is None
    assert request.cancel_after == request.max_new_tokens == ITEMS[0].max_new_tokens


def test_what_is_right_greedily_and_wrong_by_default_is_lost():
    found = defaults(RIGHT, WRONG, RIGHT, RIGHT, RIGHT, WRONG)
    assert found.lost == (False, False, True, False, False, False)
    assert found.names == ("slice 0", "slice 0", "slice 1", "slice 1", "slice 0", "slice 0")
    assert found.differs == (False, True, True)


def test_an_item_that_offers_choices_loses_nothing_and_is_asked_all_the_same():
    offered = replace(ITEMS[0], scorer=Scorer.CHOICE, choices=("LIS", "ROM"))
    asked = []

    def ask(plan):
        asked.extend(plan)
        return [RIGHT, WRONG]

    chances = Chances(lambda plan: [Answer() for _ in plan], (2,))
    found = ask_defaults(ask, chances, [offered], [Reply(RIGHT)], Settings())
    assert (found.lost, found.differs, len(asked)) == ((False, False), (True,), 2)


def test_few_items_are_asked_more_often():
    assert [times_of(count) for count in (0, 1, 3, 8, 24)] == [16, 16, 6, 2, 2]
    answers = [RIGHT] * 8 + [WRONG]
    replies, chances = [Reply(RIGHT)] * 3, Chances(lambda plan: [Answer() for _ in plan], (2,))
    found = ask_defaults(lambda plan: answers, chances, ITEMS, replies, Settings(), 3)
    assert found.lost == (False,) * 8 + (True,)
    assert (len(found.names), found.differs) == (9, (False,) * 3)


def test_where_no_answer_can_be_scored_nothing_is_known_of_heat():
    assert defaults(RIGHT, RIGHT, WRONG, RIGHT, RIGHT, WRONG).heat is None


def test_the_logits_of_one_answer_are_held_at_a_time_and_equal_ones_scored_once():
    score = LettingGo()
    answers = [Answer(token_ids=(5, 3, at), finish=Finish.LENGTH) for at in (1, 2, 3, 1, 2, 4)]
    replies = [Reply(RIGHT)] * 3
    found = ask_defaults(
        lambda plan: answers, Chances(score, (2,)), ITEMS, replies, Settings(0.7, 1.1)
    )
    assert score.scored == 4
    assert found.heat > 1


def test_settings_are_the_sources_where_it_samples():
    assert settings_of({}) == settings_of({"temperature": 0.6}) == Settings(1.0, 1.0)
    stated = {"do_sample": True, "temperature": 0.6, "repetition_penalty": 1.1, "top_k": 20}
    assert settings_of(stated) == Settings(0.6, 1.1)
    assert settings_of({"do_sample": True, "temperature": "hot"}) == Settings()


def test_text_alone_is_given_its_tokens():
    [answer] = with_ids([RIGHT], lambda texts: [list(text.encode()) for text in texts])
    assert answer.token_ids == tuple(b"LIS")
