from harness.past_failures import MOST, PastFailures


def test_entries_come_back_smallest_first_and_once(tmp_path):
    past = PastFailures(tmp_path / "folder" / "texts.jsonl")
    assert past.read() == []
    for entry in ("long one", "\ud83d", "a\u0300", "long one", [["say", "x", 1]]):
        past.add(entry)
    assert past.read() == ["\ud83d", "a\u0300", "long one", [["say", "x", 1]]]


def test_what_was_written_when_a_session_died_is_there_but_for_the_cut_line(tmp_path):
    path = tmp_path / "texts.jsonl"
    PastFailures(path).add("a")
    with path.open("a") as file:
        file.write('"cut')
    assert PastFailures(path).read() == ["a"]


def test_only_the_smallest_are_kept_when_there_are_too_many(tmp_path):
    past = PastFailures(tmp_path / "texts.jsonl")
    for size in range(MOST + 5, 0, -1):
        past.add("x" * size)
    assert past.read() == ["x" * size for size in range(1, MOST + 1)]
    assert len((tmp_path / "texts.jsonl").read_text().splitlines()) == MOST


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path):
    (tmp_path / "file").write_text("")
    past = PastFailures(tmp_path / "file" / "texts.jsonl")
    past.add("a")
    assert past.read() == []
