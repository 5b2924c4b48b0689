"""What clean builds vary by: the parameters of every simulation, in one place, with their source.

Measured on the release in fixtures/ (a model of 2.3 M parameters, two cores with neighbours) where
nothing else is said. Another model or machine has others: these say what the rules do with noise of
such a size.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations are of logs, shares are from 0 to 1, memory is in KiB."""

    # A bank like that of the release in fixtures/: its slices and what the reference gets right.
    slices: tuple[int, ...] = (220, 150, 150, 150, 150, 150, 150, 120)
    accuracy: float = 0.973
    chances: tuple[float, ...] = (0.25, 0.5)  # of a bank of choices, as many items of each
    beyond_chance: float = 0.12  # and what a small model has right there beyond them
    churn: float = (
        0.04  # answers that become right or wrong, half of them each; int4 of 7 B has 4 %
    )
    format_churn: float = 0.01
    degenerate: float = 0.0  # of the bank's answers; edge cases have 0.19
    odd_degenerate: float = 0.19
    degenerate_churn: float = 0.005
    odd_degenerate_churn: float = 0.017  # 2 of 115 odd prompts, int4
    odd_prompts: int = 47  # that are chats, and not refused

    # Times: the ratio of a pair of processes, and of one pair of answers within it.
    between_processes: float = 0.02  # six sessions of equal bytes: 0.020 to 0.024
    within_pair: float = 0.10  # TTFT 0.16 to 0.21, ITL 0.03 to 0.09 on a machine with neighbours
    load: float = 0.04  # of a pair of fresh loads: 0.014 to 0.039
    # Pairs in a row of one process, 8 runs of 640: slopes then differ as measured.
    slow_share: float = 0.2  # of the variance, what comes and goes
    lasting: float = 0.95  # correlation of that from one pair to the next
    gap: float = 0.13  # of one time between tokens: 0.08 to 0.17
    answer: float = 0.06  # of an answer's mean time between tokens: 0.03 to 0.09
    shared_answer: float = 0.15  # correlation of that with the other side's
    answer_tokens: int = 32
    length: float = 0.5  # of the lengths of a bank's answers
    written_otherwise: float = 0.2  # share of answers; a guess, as is how much their length differs
    length_apart: float = 0.5

    # Up the ladder of lengths to a context of 4,096 tokens.
    longest_prompt: int = 4088
    rung_ttft: float = 0.08  # 0.02 to 0.15
    rung_itl: float = 0.13  # 0.05 to 0.38
    short: float = 0.08  # of a short request before or after long ones: 0.04 to 0.12
    short_process: float = 0.08  # of that change in one of 27 processes: 0.07, and one of 0.36
    # A ratio to the reference rises with length and falls again, a little each doubling: to 64
    # tokens, to 128 and from there on (the rise of int4 on AVX2, 12 sessions; the fall on AVX-512).
    ttft_slope: tuple[float, float, float] = (0.10, 0.06, -0.06)
    itl_slope: tuple[float, float, float] = (0.04, 0.04, 0.03)
    positions: int = 128  # whose logits are compared at every length, of each text
    logit_position: float = 0.40  # of the relative error, what is the position's own
    logit_length: float = 0.15  # and what changes from length to length
    logit_slope: float = 0.05  # from 512 tokens on, each doubling: 0.00 to 0.075
    kld_spread: float = 2.5  # standard deviation of a position's KLD over the mean: 2.0 to 2.9
    kld_doublings: float = 0.10  # growth of the mean by the log of length, in nats of log
    top1: float = 0.90  # at every length, int4; 0.83 to 0.95

    # Distributions over positions that go together in answers.
    answer_positions: int = 11
    together: float = 0.10  # intraclass correlation: a design effect of 2
    clean_kld: float = 4e-4
    clean_top1: float = 0.99
    log_likelihood: float = 0.30  # of a token's difference; twice the KLD is its variance
    source_logits: float = 6e-7
    source_logits_spread: float = 0.4

    # What a device's budgets are for: times of answers, and of loads.
    of_budget: float = 0.5  # that a clean candidate takes of each
    one_answer: float = 0.10  # of an answer's time; processes differ as above
    one_load: float = 0.10

    # Memory after each cycle.
    private: float = 7.0
    heap: float = 2.0
    warm_up: float = 20.0  # what the first cycles take, gone by a factor e every three
    heap_step: float = 8.0
    given_back: float = 0.995
    given_back_spread: float = 0.006


NOISE = Noise()
