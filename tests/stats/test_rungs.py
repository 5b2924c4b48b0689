from harness.stats.rungs import by_length, named, rung_label


def test_values_are_grouped_by_length_whatever_order_they_were_taken_in():
    labels = ["1024", "32", "1024", "1024 again"]
    groups = by_length([1, 2, 3, 4], labels)
    assert list(groups) == [32, 1024]
    assert groups[1024].tolist() == [1, 3]
    assert by_length([1, 2, 3, 4], labels, again=True)[1024].tolist() == [4]


def test_a_label_is_read_back_as_it_was_written():
    assert list(by_length([1.0], [rung_label(512)])) == [512]
    assert list(by_length([1.0], [rung_label(512, again=True)], again=True)) == [512]
    assert named(4088) == "4,088 tokens"
