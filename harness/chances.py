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
        pairs = zip(prompts, map(self.said, answers), strict=True)
        return [self._log_chance(prompt, text, temperature) for prompt, text in pairs]

    def _log_chance(self, prompt: Tokens, text: Tokens, temperature: float) -> float:
        logits = self.logits(prompt, text, self._penalty)
        return 0.0 if logits is None else log_chance(logits, text, temperature)

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
        logits = self.logits(prompt, text, self._penalty)
        if logits is None:
            return False
        ids = [token for [token] in tokens]
        return bool(np.max(logits[-1]) - np.min(logits[-1][ids]) < TIE)

    def logits(self, prompt: Tokens, text: Tokens, penalty: float) -> Logits | None:
        """What predicts a text's tokens after its prompt under a repetition penalty, (tokens,
        vocabulary); None where the runtime gives none, or nothing predicts the first token.

        One text is scored at a time: a long answer's logits take 150 MiB where a vocabulary has
        150,000 tokens, in both processes.
        """
        if not (prompt and text):
            return None
        scored = Request(token_ids=(*prompt, *text), score_from=len(prompt), fresh=False)
        [answer] = self._score([scored])
        if answer.logits is None or len(answer.logits) != len(text):
            return None
        return self._with_one_end(penalized(answer.logits, prompt, text, penalty))

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
