import json
import sys

import pytest

from harness.errors import ConfigError
from harness.rows import read_rows

ROWS = [{"id": "a", "prompt": "Hi", "choices": ["x", "y"]}, {"id": "b", "prompt": "Ho"}]


@pytest.fixture
def write(tmp_path):
    def write(text, name="eval.jsonl", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return write


def test_every_line_of_json_is_a_row_that_says_where_it_stands(write):
    text = "\n".join(map(json.dumps, ROWS))
    assert list(read_rows(write(text.replace("\n", "\n\n")))) == [
        ("eval.jsonl line 1", ROWS[0]),
        ("eval.jsonl line 3", ROWS[1]),
    ]


def test_lists_of_a_table_are_lists(write):
    [(_, row)] = read_rows(write('id,until\nb,"[""\\n""]"\n', "eval.csv"))
    assert row["until"] == ["\n"]


def test_a_separator_within_a_text_ends_no_line(write):
    row = {"prompt": "one\u2028two\x85three"}
    [(_, found)] = read_rows(write(json.dumps(row, ensure_ascii=False)))
    assert found == row


def test_the_mark_that_spreadsheets_put_first_is_not_read(write):
    assert list(read_rows(write(json.dumps(ROWS[1]), encoding="utf-8-sig")))
    [(_, row)] = read_rows(write("id\nb\n", "eval.csv", encoding="utf-8-sig"))
    assert row == {"id": "b"}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{broken", "eval.jsonl line 2 is not JSON"),
        ("[1]", "eval.jsonl line 2 is not a JSON object"),
        (100_000 * "[", "eval.jsonl line 2 is not JSON"),
        ('{"id": "a", "id": "b"}', "eval.jsonl line 2 is not JSON .*'id' twice"),
    ],
)
def test_a_line_that_is_no_row_is_named(write, line, message):
    with pytest.raises(ConfigError, match=message):
        list(read_rows(write(f"{{}}\n{line}\n")))


CHAT = '[{"role": "user", "content": "Hi"}]'


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_of_a_table_are_fields_and_empty_cells_are_none(write, mark):
    quoted = CHAT.replace('"', '""')
    lines = [
        ["id", "messages", "prompt", "expected", "max_new_tokens", "tolerance", "chance"],
        ["a", f'"{quoted}"', "", " ", "8", "", ""],
        ["b", "", '"two\nlines"', "yes", "", "0.5", "0.25"],
        ["c", "", "x", "no", "", "", ""],
    ]
    rows = list(read_rows(write("\n".join(map(mark.join, lines)), "eval.csv")))
    assert rows == [
        (
            "eval.csv line 2",
            {"id": "a", "messages": json.loads(CHAT), "max_new_tokens": 8},
        ),
        (
            "eval.csv line 3",
            {
                "id": "b",
                "prompt": "two\nlines",
                "expected": "yes",
                "tolerance": 0.5,
                "chance": 0.25,
            },
        ),
        ("eval.csv line 5", {"id": "c", "prompt": "x", "expected": "no"}),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,prompt\na,b,c\n", "eval.csv line 2 has 3 cells, and the first line 2 names"),
        ("id,id\na,b\n", "eval.csv line 1: each column needs a name of its own"),
        ("id,\na,b\n", "eval.csv line 1: each column needs a name of its own"),
        ('id,prompt\na,"b"c\n', "eval.csv line 2 is not CSV"),
        ('id,prompt\na,"b\n', "eval.csv line 2 is not CSV"),
        ("id,messages\na,Hi\n", "eval.csv line 2: messages must be written as in JSON"),
        ("id,max_new_tokens\na,8.5.5\n", "line 2: max_new_tokens must be written as in JSON"),
    ],
)
def test_a_mistake_in_a_table_is_one_line_that_names_it(write, text, message):
    with pytest.raises(ConfigError, match=message) as raised:
        list(read_rows(write(text, "eval.csv")))
    assert "\n" not in str(raised.value)


def test_text_of_another_encoding_is_refused(write):
    with pytest.raises(ConfigError, match="is not UTF-8"):
        list(read_rows(write("id\ncaf\u00e9\n", "eval.csv", encoding="latin-1")))


def test_a_split_of_a_file_is_refused(write):
    with pytest.raises(ConfigError, match="has no split 'test'"):
        list(read_rows(write("{}"), "test"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    datasets = pytest.importorskip("datasets", reason="needs the [data] extra")
    datasets.disable_progress_bars()
    root = tmp_path_factory.mktemp("folders")
    rows = datasets.Dataset.from_list(ROWS)
    rows.save_to_disk(str(root / "saved"))
    datasets.DatasetDict(train=rows.select([1]), test=rows).save_to_disk(str(root / "splits"))
    (root / "files" / "data").mkdir(parents=True)
    rows.to_parquet(str(root / "files" / "data" / "test-00000-of-00001.parquet"))
    rows.select([1]).to_parquet(str(root / "files" / "data" / "train-00000-of-00001.parquet"))
    (root / "lines").mkdir()
    (root / "lines" / "eval.jsonl").write_text("\n".join(map(json.dumps, ROWS)))
    (root / "empty").mkdir()
    return root


@pytest.mark.parametrize(
    ("name", "split"), [("saved", ""), ("splits", "test"), ("files", "test"), ("lines", "")]
)
def test_a_folder_of_a_data_set_is_read_and_left_as_it_was(folders, name, split):
    before = sorted(folders.rglob("*"))
    rows = list(read_rows(folders / name, split))
    assert rows == [(f"{name} row 1", ROWS[0]), (f"{name} row 2", ROWS[1])]
    assert sorted(folders.rglob("*")) == before


def test_one_file_of_parquet_is_read(folders):
    file = folders / "files" / "data" / "test-00000-of-00001.parquet"
    assert list(read_rows(file)) == [(f"{file.name} row {n}", row) for n, row in enumerate(ROWS, 1)]
    with pytest.raises(ConfigError, match="is one file and has no split 'test'"):
        list(read_rows(file, "test"))


def test_a_file_that_is_no_parquet_is_one_line(folders, tmp_path):
    (tmp_path / "eval.parquet").write_text("no")
    with pytest.raises(
        ConfigError, match=r"the file .*eval\.parquet cannot be read as a"
    ) as raised:
        list(read_rows(tmp_path / "eval.parquet"))
    assert "\n" not in str(raised.value)
    with pytest.raises(ConfigError, match=r"the domain data .*none\.parquet cannot be read"):
        list(read_rows(tmp_path / "none.parquet"))


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("splits", "", "splits: say which split; it has train, test"),
        ("splits", "dev", "splits: it has no split 'dev'; it has train, test"),
        ("saved", "test", "saved has no splits, so none 'test'"),
        ("empty", "", "empty cannot be read as a data set: EmptyDatasetError"),
    ],
)
def test_which_split_is_meant_must_be_clear(folders, name, split, message):
    with pytest.raises(ConfigError, match=message) as raised:
        list(read_rows(folders / name, split))
    assert "\n" not in str(raised.value)


def test_without_the_package_a_folder_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ConfigError, match=r"needs the package datasets: install .* \[data\]"):
        list(read_rows(tmp_path))


def test_a_field_without_a_value_is_not_there(write):
    [(_, row)] = read_rows(write('{"prompt": "Hi", "choices": null}'))
    assert row == {"prompt": "Hi"}


def test_fields_that_a_data_set_fills_are_no_part_of_what_is_expected(tmp_path):
    datasets = pytest.importorskip("datasets")
    rows = [{"prompt": "Hi", "expected": {"a": 1}}, {"prompt": "Ho", "expected": {"b": 2}}]
    datasets.Dataset.from_list(rows).to_parquet(tmp_path / "eval.parquet")
    with pytest.raises(ConfigError, match=r"row 1: expected has fields .* as JSON text"):
        list(read_rows(tmp_path / "eval.parquet"))


def test_every_line_that_is_no_json_is_told(write):
    with pytest.raises(ConfigError) as raised:
        list(read_rows(write('{"a": 1}\n{broken\n[]\n')))
    first, second = str(raised.value).splitlines()
    assert first.startswith("eval.jsonl line 2 is not JSON")
    assert second.startswith("eval.jsonl line 3 is not a JSON object")
