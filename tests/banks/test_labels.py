import pytest

from harness.banks.labels import with_labels
from harness.errors import ConfigError

ROWS = [("valid.jsonl line 1", {"goal": "a"}), ("valid.jsonl line 2", {"goal": "b"})]


@pytest.fixture
def labels(tmp_path):
    def labels(text, name="valid-labels.lst"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return labels


def test_labels_beside_a_bank_are_read(labels, tmp_path):
    labels("1\n0\n")
    found = with_labels(ROWS, tmp_path / "valid.jsonl", None)
    assert [row for _, row in found] == [{"goal": "a", "label": "1"}, {"goal": "b", "label": "0"}]
    assert [place for place, _ in found] == [place for place, _ in ROWS]


def test_labels_are_read_from_the_file_that_is_stated(labels, tmp_path):
    labels("1\n0\n")
    found = with_labels(ROWS, tmp_path / "valid.jsonl", labels("0\n0\n", "mine.lst"))
    assert [row["label"] for _, row in found] == ["0", "0"]


def test_rows_without_labels_or_with_their_own_stay_as_they_are(labels, tmp_path):
    assert with_labels(ROWS, tmp_path / "valid.jsonl", None) == ROWS
    labels("1\n0\n")
    labelled = [(place, row | {"label": 1}) for place, row in ROWS]
    assert with_labels(labelled, tmp_path / "valid.jsonl", None) == labelled
    with pytest.raises(ConfigError, match=r"valid\.jsonl has labels of its own: leave \[data\]"):
        with_labels(labelled, tmp_path / "valid.jsonl", tmp_path / "valid-labels.lst")


def test_as_many_labels_are_wanted_as_there_are_rows(labels, tmp_path):
    labels("1\n")
    with pytest.raises(ConfigError, match=r"a label for each row of valid\.jsonl: found 1 for 2"):
        with_labels(ROWS, tmp_path / "valid.jsonl", None)
    with pytest.raises(ConfigError, match=r"the labels .*none\.lst cannot be read"):
        with_labels(ROWS, tmp_path / "valid.jsonl", tmp_path / "none.lst")
    (tmp_path / "odd.lst").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match=r"the labels .*odd\.lst are not UTF-8"):
        with_labels(ROWS, tmp_path / "valid.jsonl", tmp_path / "odd.lst")
