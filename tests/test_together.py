import threading

import pytest

from harness.errors import CrashError
from harness.together import Together, fitting


def test_the_first_who_asks_has_all_made_and_the_others_take_theirs():
    made, together = [], Together()

    def make(name):
        made.append(name)
        return name.upper()

    assert together.of("soak", "a", ("b", "c"), make, 2) == "A"
    assert sorted(made) == ["a", "b", "c"]
    assert together.of("soak", "b", ("c",), make, 2) == "B"
    assert len(made) == 3


def test_what_is_made_at_once_runs_at_the_same_time():
    both = threading.Barrier(2, timeout=10)
    assert Together().of("soak", "a", ("b",), lambda name: both.wait() >= 0, 2)


def test_without_idle_cores_each_is_made_when_it_is_asked_for():
    made, together = [], Together()
    together.of("soak", "a", ("b",), made.append, 1)
    assert made == ["a"]


def test_what_one_raises_is_its_own():
    together = Together()

    def make(name):
        if name == "b":
            raise CrashError("b: the process died")
        return name

    assert together.of("soak", "a", ("b",), make, 2) == "a"
    with pytest.raises(CrashError, match="b: the process died"):
        together.of("soak", "b", ("a",), make, 2)


def test_what_others_have_not_taken_yet_is_not_made_again():
    made, together = [], Together()
    together.of("visit", "a", ("b",), made.append, 2)
    together.of("visit", "c", ("b", "d"), made.append, 2)
    assert sorted(made) == ["a", "b", "c", "d"]


def test_an_interrupt_aborts_what_runs_and_waits_for_nothing():
    is_aborted = threading.Event()

    def make(name):
        if name == "a":
            raise KeyboardInterrupt
        assert is_aborted.wait(10)

    with pytest.raises(KeyboardInterrupt):
        Together().of("soak", "a", ("b",), make, 2, is_aborted.set)
    assert is_aborted.is_set()


def test_what_is_asked_for_again_is_made_again():
    made, together = [], Together()
    for _ in range(2):
        together.of("soak", "a", (), made.append, 2)
    assert made == ["a", "a"]


def test_what_is_made_in_one_go_is_handed_out_by_name():
    made, together = [], Together()

    def make(names):
        made.append(list(names))
        return {name: CrashError("died") if name == "b" else name.upper() for name in names}

    assert together.of_all("read", "a", ("b", "c"), make) == "A"
    assert together.of_all("read", "c", ("a", "b"), make) == "C"
    with pytest.raises(CrashError, match="died"):
        together.of_all("read", "b", ("a", "c"), make)
    assert made == [["a", "b", "c"]]


@pytest.mark.parametrize(
    ("needs", "free", "expected"),
    [((), 10**12, 1), ((10, 10), 10**3, 3), ((10, 200), 10**3, 2), ((10, 600), 10**3, 1)],
)
def test_as_many_fit_as_half_of_the_free_memory_holds_of_the_largest(needs, free, expected):
    assert fitting(needs, free) == expected


def test_who_has_taken_theirs_is_not_asked_once_more_when_there_is_room():
    made, together = [], Together()
    together.of("soak", "a", ("b", "c"), made.append, 1)
    together.of("soak", "b", ("a", "c"), made.append, 2)
    assert sorted(made) == ["a", "b", "c"]
