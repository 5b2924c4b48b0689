from harness.metrics.compared import Compared


def test_a_difference_or_a_look_without_doubts_concludes():
    assert Compared(("heads",)).absence == ""
    assert Compared(("heads",), unknown=("its scale",)).absence == ""
    assert Compared((), ("another scale",), ("or not",)).absence == ""


def test_doubts_or_nothing_to_look_at_conclude_nothing():
    assert Compared(("heads",), doubts=("a scale",), unknown=("x",)).absence == "a scale; x"
    assert Compared(unknown=("no source",)).absence == "no source"
    assert Compared().absence == "there was nothing to compare"
