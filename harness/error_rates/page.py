"""The page on error rates: written from the table, and the table read from it again."""

from collections.abc import Sequence
from dataclasses import dataclass

from harness.error_rates.simulation import NOT_SIMULATED, Rates
from harness.error_rates.table import (
    Row,
    clean_go,
    clean_go_by_suite,
    weak,
    wrong_go_by_suite,
)
from harness.policy import Severity

_TITLES = ("no change", "on the limit", "1.5 x", "2 x", "3 x")
_HEADERS = ("rule", "kind", "statistic", "true figure at each size", "trials", *_TITLES)
_FAULT = 2.0
_SECTION = "## Policy "


@dataclass(frozen=True, slots=True)
class Section:
    """One policy on the page; `unknown` are deciding rules whose statistic has no simulation."""

    policy: str
    rows: Sequence[Row]
    waived: Sequence[str]
    unknown: Sequence[str]


def page(sections: Sequence[Section]) -> str:
    """The whole page in Markdown."""
    lines = [*_INTRODUCTION.splitlines(), ""]
    for section in sections:
        lines += _section_lines(section)
    listed = ", ".join(f"`{it.value}`" for it in NOT_SIMULATED)
    lines += [
        "## Not simulated",
        "",
        f"These statistics have no simulation: {listed}. No rule of the policies above decides by "
        "one of them, or it is named with its policy.",
    ]
    return "\n".join(lines) + "\n"


def table_lines(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown, one line a rule."""
    head = [_line(_HEADERS), _line(["---"] * len(_HEADERS))]
    return head + [_line(_cells(row)) for row in rows]


def read_rows(text: str, policy: str) -> list[Row]:
    """The rows of a policy's table on a page."""
    _, _, rest = text.partition(f"{_SECTION}{policy}\n")
    part, _, _ = rest.partition(f"\n{_SECTION}")
    return [_row(line) for line in part.splitlines() if line.startswith("| `")]


def _section_lines(section: Section) -> list[str]:
    rows = section.rows
    accepted = ", ".join(f"`{it}`" for it in section.waived) or "none"
    unknown = ", ".join(f"`{it}`" for it in section.unknown) or "none"
    return [
        f"{_SECTION}{section.policy}",
        "",
        *table_lines(rows),
        "",
        f"Waived, so that they decide nothing: {accepted}. Deciding rules that no simulation "
        f"knows: {unknown}.",
        "",
        "What to know of these rules:",
        "",
        *(f"- {what}: {', '.join(names) or 'none'}" for what, names in weak(rows).items()),
        "",
        *_together(rows),
    ]


def _together(rows: Sequence[Row]) -> list[str]:
    """All rules of one candidate and its reference at once."""
    clean, faulty = clean_go_by_suite(rows), wrong_go_by_suite(rows, _FAULT)
    lines = [
        f"All rules together, were their errors independent: a clean candidate is GO in "
        f"{clean_go(rows):.1%} of sessions. By suite, and how often the release is GO all the same "
        "with one figure at twice its limit, as the mean over the suite's rules and for the worst:",
        "",
        _line(("suite", "clean GO", "GO with one fault, mean", "worst rule")),
        _line(["---"] * 4),
    ]
    for suite, shares in faulty.items():
        worst = max(shares, key=lambda name: shares[name])
        mean = sum(shares.values()) / len(shares)
        lines.append(
            _line((suite, f"{clean[suite]:.1%}", f"{mean:.1%}", f"{worst} {shares[worst]:.1%}"))
        )
    return [*lines, ""]


def _cells(row: Row) -> list[str]:
    figures = ", ".join(f"{it:.4g}" for it in row.figures)
    kind = row.severity.value + ("" if row.counted else " *") + (" +" if row.counted > 1 else "")
    trials = "exact" if row.rates[0].is_exact else f"{row.rates[0].trials}"
    return [f"`{row.name}`", kind, row.statistic, figures, trials, *map(_cell, row.rates)]


def _cell(rates: Rates) -> str:
    if rates.is_exact:
        return "GO" if rates.go else "NO-GO" if rates.no_go else "undecided"
    counts = (rates.go, rates.no_go, rates.inconclusive)
    return " / ".join(_percent(it, rates.trials) for it in counts)


def _percent(count: int, trials: int) -> str:
    """Of up to 10,000 trials the count can be told from it."""
    return f"{100 * count / trials:.2f}".rstrip("0").rstrip(".")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _row(line: str) -> Row:
    parts = (it.strip() for it in line.strip("| ").split(" | "))
    name, kind, statistic, figures, trials, *cells = parts
    counted = 0 if kind.endswith("*") else 2 if kind.endswith("+") else 1
    return Row(
        name.strip("`"),
        Severity(kind.split()[0]),
        statistic,
        tuple(map(float, figures.split(", "))),
        tuple(_rates(cell, trials) for cell in cells),
        counted,
    )


def _rates(cell: str, trials: str) -> Rates:
    if trials == "exact":
        return Rates(1, int(cell == "GO"), int(cell == "NO-GO"), is_exact=True)
    go, no_go, _ = (round(float(it) / 100 * int(trials)) for it in cell.split(" / "))
    return Rates(int(trials), go, no_go)


_INTRODUCTION = """\
# How often the gate errs

This page is written by `python -m harness error-rates --write` and compared with fresh simulations
by the tests. Do not edit it.

For every rule that decides (critical rules and guards), the same truth is measured again and again:
values are drawn with the noise that clean builds have, by the sample that the policy's plan spends,
runs stop where they really stop, and the gate's own code says what it makes of them. A row shows
in how many of 100 sessions the rule passes (GO), fails (NO-GO) and decides nothing (INCONCLUSIVE),
as `GO / NO-GO / INCONCLUSIVE`.

## How to read a row

- **No change**: a clean build. What is not GO here is a false alarm.
- **On the limit**: the truth is exactly what the policy just allows. A critical rule must be shown
  to hold, so it passes here in 5 of 100 sessions at most (it is a test at 5 %). A guard fails on
  evidence of harm only, passes where its own figure is within the limit, and is undecided where the
  figure is beyond and the evidence is not enough: here that is about half of the sessions each.
- **1.5, 2 and 3 x**: so many times beyond. What is GO here is a wrong GO of this rule.

A device's budgets are those of `laptop-8gb`; beyond is so many times the budget, and a clean build
takes half of it. The release states a floor of 80 % right answers, where they are not right by
chance.

"Times beyond" is meant on the scale that the figure is measured on: of ratios the logarithm of the
limit is multiplied (1.05 becomes 1.076, 1.103, 1.158), of losses in points, of growth and of means
the limit itself, of shares that must be high what they lack to 1 (0.90 becomes 0.85, 0.80, 0.70).
Where nothing may be wrong (a count of at most 0), it is one, two and three things that are. Answers
right beyond chance are drawn from a bank of choices where a clean build has some points more than a
guess; on the limit it guesses, and beyond that it is worse by so many times the same points. The
column of true figures has the numbers. A change up the ladder of lengths begins at a length that is
drawn; a loss in a slice is in one slice of all; a leak is in one of the four kinds of requests; a
change of a 95 % quantile is in the longest tenth of all times.

Rules that are *exact* look at counts and extremes: they have no sampling error, and pass or fail by
what was found. Whether a rare fault is found at all depends on how much is asked: a fault of a rate
r is missed by n independent tries with a probability of (1 - r)^n, which is 5 % for n = 3 / r.

A star behind the kind marks rows that the rules together below leave out: limits for one precision,
and comparisons with a previous release. A plus marks rules that the reference must pass as well.

## How the verdict combines rules

A release is GO only if *every* critical rule is shown to hold and no guard fails or is undecided.
For critical rules that is an intersection-union test (Berger 1982): a candidate that is beyond the
limit of any one of them is GO in at most 5 of 100 sessions, with no correction for their number.
The price is paid by clean builds, which must pass all of them; so the errors of rules at "no
change" add up, and the table of all rules together says to what.

## Where a wrong GO could still come from

- A fault that no rule looks at: a rule's rates say nothing of what it does not measure.
- Noise of another size or kind than assumed. It is listed in `harness/error_rates/noise.py` with
  where it was measured; machines and models differ.
- A fault smaller than the limit, or in fewer requests than are asked.
- Re-submission: who tries k equal candidates that are just beyond a limit has k times the chance.
- Means and divergences are drawn from smooth distributions; damage that hits a few positions hard
  has a mean that fewer samples show.

A trial is one session. The error of a rate of p % over n trials is the root of p (100 - p) / n:
0.34 points at 5 % for 4,000 trials. Where a trial takes long there are fewer: see the column."""
