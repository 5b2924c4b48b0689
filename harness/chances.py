"""What a model's own logits say of answers: how likely one was, and whether two are a tie."""

from collections.abc import Callable, Sequence

import numpy as np

from harness.answer import Answer, Finish, Request
from harness.metrics.edge_cases import parting
from harness.metrics.likelihood import Logits, Tokens
from harness.metrics.sampling import log_chance, penalized
from harness.ordeal import TIE

Ask = Callable[[Sequence[Request]], Sequence[Answer]]


class Chances:
    """Of answers that carry token ids, by the logits that `score` gives for prompt and answer.

    Answers were generated under the repetition `penalty`, which scores know nothing of.
    """

    def __init__(self, score: Ask, end_tokens: Tokens, penalty: float = 1.0) -> None:
        self._score = score
        self._end_tokens = end_tokens
        self._penalty = penalty

    def said(self, answer: Answer) -> Tokens:
        """An answer's tokens, and for the end that stopped it the first end token there is."""
        return answer.token_ids + (self._end_tokens[:1] if answer.finish is Finish.STOP else ())

    def log_chances(
        self, prompts: Sequence[Tokens], answers: Sequence[Answer], temperature: float
    ) -> list[float]:
        """Log-probability in nats of each answer at a temperature; 0 for what cannot be scored."""
        texts = [self.said(it) for it in answers]
        return [
            0.0 if logits is None else log_chance(logits, text, temperature)
            for text, logits in zip(texts, self.logits(prompts, texts, self._penalty), strict=True)
        ]

    def is_tie(self, prompt: Tokens, one: Answer, other: Answer) -> bool:
        """Whether two answers to a prompt part where both tokens are about the likeliest.

        An answer that ended gave an end token there; one that was cut gave none, and is no tie.
        """
        at = parting(one, other)
        if at is None:
            return False
        tokens = [self.said(it)[at : at + 1] for it in (one, other)]
        if not all(tokens):
            return False
        text = (*one.token_ids[:at], *tokens[0])
        [logits] = self.logits([prompt], [text], self._penalty)
        if logits is None:
            return False
        ids = [token for [token] in tokens]
        return bool(np.max(logits[-1]) - np.min(logits[-1][ids]) < TIE)

    def logits(
        self, prompts: Sequence[Tokens], texts: Sequence[Tokens], penalty: float
    ) -> list[Logits | None]:
        """What predicts each text's tokens after its prompt, under a repetition penalty; None where
        the runtime gives none.

        After a prompt of no tokens nothing predicts the first.
        """
        asked = [at for at, prompt in enumerate(prompts) if prompt and texts[at]]
        plan = [
            Request(token_ids=(*prompts[at], *texts[at]), score_from=len(prompts[at]), fresh=False)
            for at in asked
        ]
        found: list[Logits | None] = [None] * len(prompts)
        for at, answer in zip(asked, self._score(plan) if plan else (), strict=True):
            if answer.logits is not None and len(answer.logits) == len(texts[at]):
                rows = penalized(answer.logits, prompts[at], texts[at], penalty)
                found[at] = self._with_one_end(rows)
        return found

    def _with_one_end(self, logits: Logits) -> Logits:
        """The logits with the likeliest end token of the last row in the first one's place.

        Of several nobody knows which one stopped an answer: a chat's turn may end with another one
        than the text.
        """
        ends = list(self._end_tokens)
        if len(ends) < 2:
            return logits
        found, row = logits.copy(), logits[-1]
        likeliest = ends[int(np.argmax(row[ends]))]
        found[-1, [ends[0], likeliest]] = row[[likeliest, ends[0]]]
        return found
