"""Decoding through the harness is nearly as fast as decoding by a bare loop."""

from tests.benchmarks.overhead import LEAST_RATE, endless, measure, table

ROUNDS, NEW_TOKENS = 150, 128


def test_the_harness_decodes_at_98_percent_of_a_bare_loop(embedded, tmp_path, show):
    found = {
        name: measure(endless(directory, tmp_path / name), ROUNDS, NEW_TOKENS)
        for name, directory in embedded.items()
    }
    show(table([it.row(name) for name, results in found.items() for it in results]))
    for name, results in found.items():
        for it in results:
            assert it.ratio.value >= LEAST_RATE, (name, it.loop)
