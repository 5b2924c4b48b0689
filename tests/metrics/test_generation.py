from harness.metrics.generation import USUAL, compare_generation


def test_what_is_not_stated_is_greedy_as_usual():
    assert compare_generation({}, {}).differences == ()
    assert compare_generation(dict(USUAL), {"top_k": None}).differences == ()
    assert compare_generation({"temperature": 1}, {"temperature": 1.0}).differences == ()


def test_both_values_are_named():
    stated = {"do_sample": True, "temperature": 0.7, "repetition_penalty": 1.1}
    found = compare_generation({"do_sample": True, "temperature": 0.7}, stated)
    assert found.differences == ("search.repetition_penalty is 1.0, the source's 1.1",)
    assert found.absence == ""


def test_what_is_no_number_is_a_difference():
    [found] = compare_generation({"top_p": "0.5"}, {}).differences
    assert found == "search.top_p is '0.5', the source's 1.0"


def test_what_the_source_states_and_the_engine_cannot_do_is_in_doubt():
    assert compare_generation({}, {"min_p": 0, "suppress_tokens": None}).absence == ""
    found = compare_generation({}, {"min_p": 0.15, "stop_strings": ["\\nUser:"]})
    assert found.differences == ()
    assert found.doubts == (
        "the source's min_p is 0.15, a setting that the engine does not have",
        "the source's stop_strings is ['\\\\nUser:'], a setting that the engine does not have",
    )


def test_a_seed_of_the_packages_own_is_a_difference():
    assert compare_generation({"random_seed": -1}, {}).differences == ()
    [found] = compare_generation({"random_seed": 7}, {}).differences
    assert found.startswith("search.random_seed is 7, ")
