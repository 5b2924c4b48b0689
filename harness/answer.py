"""A request and the timed answer to it, whoever gives it."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

Messages = tuple[tuple[str, str], ...]
"""A chat as (role, content) pairs."""


def is_question(messages: Messages) -> bool:
    """Whether a chat is one turn of the user's: all that a model without chats can be asked."""
    return len(messages) == 1 and messages[0][0] == "user"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn; what is None stays as the package has it.

    Nothing is refused here, not even NaN: whether a runtime bears it is what is asked.
    """

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """One thing to ask of a runtime; exactly one of the three inputs is given.

    `messages` are rendered with the model's own chat template, `text` is encoded as it stands,
    `token_ids` are used as they are. Decoding is greedy where no `sampling` is given. With
    `stop_at_end` False the runtime goes on to `max_new_tokens` whatever it generates (to time a
    fixed amount of work), and end tokens count like all others.

    `fresh` asks for what a user's request costs: everything is made anew for it. With `fresh` False
    the runtime may keep what gives the same tokens for less (a generator, rewound to its start).
    With `keep_prefix` it may also keep the tokens with which this prompt and the last one both
    begin, as a chat does that goes on, or whose last turns were taken back.
    `hold` asks it to keep what this request takes until the next one, to see what a context costs.

    `cancel_after` is the user who stops the answer after that many tokens. With `watch` the logits
    of each step are looked at (`Answer.non_finite`), which is not for timing.

    With `defaults` nothing is said of how to decode: the package's own settings decide, and what
    the runtime makes of them, as where an application sends messages alone.

    With `score_from` set nothing is generated: one prefill, and the answer carries the logits that
    predict the tokens from that position to the end (`logits[i]` predicts token `score_from + i`).

    With `forced` these tokens come after the prompt, one decode step each, whatever the model would
    have chosen; `Answer.token_ids` holds what that was. With `tell_logits` an answer that is
    generated or forced carries the logits of its steps, where the runtime can tell them.

    With `continuations` nothing is generated either: the answer carries how likely each of them is
    after the prompt. The prompt is computed from its start, so that it matters to no bit of them
    what was asked before; the longest must fit into the context with it.
    """

    messages: Messages | None = None
    text: str | None = None
    token_ids: tuple[int, ...] | None = None
    max_new_tokens: int = 64
    stop_at_end: bool = True
    score_from: int | None = None
    continuations: tuple[tuple[int, ...], ...] = ()
    fresh: bool = True
    hold: bool = False
    keep_prefix: bool = False
    cancel_after: int | None = None
    sampling: Sampling | None = None
    watch: bool = False
    defaults: bool = False
    forced: tuple[int, ...] = ()
    tell_logits: bool = False

    def __post_init__(self) -> None:
        inputs = (self.messages, self.text, self.token_ids)
        if sum(value is not None for value in inputs) != 1:
            raise ValueError("a request needs exactly one of messages, text and token_ids")
        if self.max_new_tokens < 0:
            raise ValueError(f"max_new_tokens must not be negative: found {self.max_new_tokens}")
        if self.score_from is not None and self.score_from < 1:
            raise ValueError(f"score_from must be 1 or more: found {self.score_from}")
        if self.cancel_after is not None and self.cancel_after < 1:
            raise ValueError(f"cancel_after must be 1 or more: found {self.cancel_after}")
        if self.keep_prefix and self.fresh:
            raise ValueError("keep_prefix is for requests that are not fresh")
        if self.sampling is not None and not self.fresh:
            raise ValueError("a request with sampling must be fresh: what is kept is greedy")
        if self.defaults and (self.sampling is not None or not self.fresh):
            raise ValueError("a request with defaults must be fresh, and has no sampling")
        self._refuse_what_scores_cannot_be()
        if self.forced and (self.is_scored or self.sampling or self.keep_prefix):
            raise ValueError("forced is for a greedy request that scores nothing")

    @property
    def is_scored(self) -> bool:
        """Whether nothing is to be generated, but likelihoods of what is there to be told."""
        return self.score_from is not None or bool(self.continuations)

    @property
    def continuation_tokens(self) -> int:
        """Tokens of the longest continuation; 0 where there is none."""
        return max(map(len, self.continuations), default=0)

    @property
    def new_tokens(self) -> int:
        """How many tokens come after the prompt at most, where nothing is scored."""
        return len(self.forced) or self.max_new_tokens

    def _refuse_what_scores_cannot_be(self) -> None:
        if self.score_from is not None and self.keep_prefix:
            raise ValueError("keep_prefix is for requests that generate: found score_from")
        if not self.continuations:
            return
        for name in ("score_from", "sampling", "watch", "keep_prefix"):
            if getattr(self, name) not in (None, False):
                raise ValueError(f"a request with continuations has no {name}")
        if not all(self.continuations):
            raise ValueError("a continuation must hold a token: found one of none")


class Finish(StrEnum):
    """Why an answer ended."""

    STOP = "stop"  # an end token
    LENGTH = "length"  # max_new_tokens, or the context's end
    SCORED = "scored"  # nothing was to be generated
    CANCELLED = "cancelled"  # `Request.cancel_after`, before any other end
    ERROR = "error"  # the runtime raised; `Answer.error` says what


@dataclass(frozen=True, slots=True)
class Answer:
    """What a runtime answered, with the time of every token on its own monotonic clock.

    `started_ns` is taken before anything is done for the request and `token_ns[i]` when token i was
    there, so that TTFT is ``token_ns[0] - started_ns`` and ITL are the differences of `token_ns`.
    `token_ids` holds generated tokens without the end token that stopped them. `text` is decoded by
    the streaming decoder. `cpu_ns` is the process's CPU time over the request, all threads.
    `logits` has a row for each scored position, or for each step that was to be told.
    `non_finite` counts the steps whose logits are not all finite; None where nobody watched.
    `log_likelihoods` are in nats, one for each of `Request.continuations`: minus infinity for what
    is impossible, and where the logits are no numbers.
    """

    prompt_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()
    text: str = ""
    finish: Finish = Finish.STOP
    error: str = ""
    started_ns: int = 0
    ended_ns: int = 0
    cpu_ns: int = 0
    token_ns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    logits: NDArray[np.float32] | None = None
    log_likelihoods: tuple[float, ...] = ()
    prompt_tokens: int = 0  # as the runtime counts them, where it gives no prompt_ids
    non_finite: int | None = None
