from harness.metrics import threads

PLAIN = {"decoder": {"session_options": {"log_id": "genai", "provider_options": []}}}


def options(**more):
    return {"decoder": {"session_options": {**PLAIN["decoder"]["session_options"], **more}}}


def test_a_configuration_that_says_nothing_of_threads_has_no_settings():
    assert threads.settings(PLAIN) == {}
    assert threads.own_threads({}) == 0


def test_every_way_to_set_threads_is_found_by_its_place():
    found = threads.settings(
        options(
            intra_op_num_threads=4,
            **{"session.intra_op.allow_spinning": "0"},
            provider_options=[{"OpenVINO": {"num_of_threads": "8"}}],
        )
    )
    assert found == {
        "decoder.session_options.intra_op_num_threads": "4",
        "decoder.session_options.session.intra_op.allow_spinning": "0",
        "decoder.session_options.provider_options[0].OpenVINO.num_of_threads": "8",
    }
    assert threads.own_threads(found) == 4


def test_equal_settings_are_no_difference_and_others_are_named_with_both_values():
    mine, theirs = (threads.settings(options(intra_op_num_threads=n)) for n in (4, 2))
    assert threads.differences(mine, mine) == []
    place = "decoder.session_options.intra_op_num_threads"
    assert threads.differences(mine, theirs) == [f"{place} 4 (the reference's: 2)"]
    assert threads.differences({}, theirs) == [f"{place} not set (the reference's: 2)"]
