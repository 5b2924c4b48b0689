import pytest

from harness.runtimes.progress import IDLE, LOADING, STARTING, Progress


def test_what_one_side_writes_the_other_reads(tmp_path):
    ours = Progress.create(tmp_path / "progress")
    theirs = Progress(tmp_path / "progress")
    assert theirs.read() == STARTING
    for position in (LOADING, IDLE, 0, 2**40):
        theirs.write(position)
        assert ours.read() == position
    theirs.close()
    assert ours.read() == 2**40
    ours.close()


def test_a_file_that_nobody_made_is_not_mapped(tmp_path):
    with pytest.raises(FileNotFoundError):
        Progress(tmp_path / "progress")
