"""The three performance suites on the embedded release take little enough time."""

from tabulate import tabulate

from tests.benchmarks.session import HEADERS, ROOT, run

LIMITS_SECONDS = {"gate": 80, "ci": 40}


def test_the_performance_suites_take_no_longer_than_they_may(embedded, tmp_path, show):
    costs = {}
    for name in LIMITS_SECONDS:
        folder = tmp_path / name
        folder.mkdir()
        policy = ROOT / "fixtures" / "policies" / f"{name}.toml"
        costs[name] = run(ROOT / "fixtures" / "travel.toml", policy, folder)
    rows = [[*costs[name].row(name), str(limit)] for name, limit in LIMITS_SECONDS.items()]
    show(tabulate(rows, headers=(*HEADERS, "limit"), disable_numparse=True))
    for name, limit in LIMITS_SECONDS.items():
        assert costs[name].status in (0, 1, 6), costs[name].output
        assert costs[name].seconds <= limit, f"{name} took {costs[name].seconds:.1f} s"
