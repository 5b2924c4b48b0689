from harness.runtimes.base import one_line


def test_one_line_is_the_first_that_says_something() -> None:
    assert one_line(ValueError("\n  two\t words \nmore")) == "two words"
    assert one_line(ValueError()) == "no message"
