"""The engine's bare generate loops, in the process that the harness measures in."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from harness.answer import Answer, Request
from harness.runtimes.ort_genai import OrtGenAI


class Loop(StrEnum):
    """What is done for every token."""

    EXAMPLE = "the loop of the engine's examples"
    GENERATE = "generate_next_token alone"


@dataclass(frozen=True, slots=True)
class BareRequest(Request):
    """A request that a bare loop answers; `token_ids` and `max_new_tokens` are all it looks at."""

    loop: Loop = Loop.EXAMPLE


class Bare(OrtGenAI):
    """Answers a bare request by its loop, and every other one as the harness does.

    A bare answer has the times of its first and its last token, and its token ids.
    """

    def answer(self, request: Request) -> Answer:
        if not isinstance(request, BareRequest):
            return super().answer(request)
        assert request.token_ids is not None
        prompt = np.array(request.token_ids, np.int32)
        generator = self._generator(request, prompt)
        started_ns = time.perf_counter_ns()
        generator.append_tokens(prompt)
        loop = _example if request.loop is Loop.EXAMPLE else _generate
        first_ns = loop(generator, self._tokenizer.create_stream(), 1)
        last_ns = loop(generator, self._tokenizer.create_stream(), request.max_new_tokens - 1)
        tokens = generator.get_sequence(0)[len(request.token_ids) :]
        return Answer(
            prompt_ids=request.token_ids,
            token_ids=tuple(tokens.tolist()),
            started_ns=started_ns,
            ended_ns=last_ns,
            token_ns=np.array([first_ns, last_ns], np.int64),
        )


def _example(generator: Any, stream: Any, tokens: int) -> int:
    """As in onnxruntime-genai's examples/python, without its print."""
    for _ in range(tokens):
        if generator.is_done():
            break
        generator.generate_next_token()
        new_token = generator.get_next_tokens()[0]
        stream.decode(new_token)
    return time.perf_counter_ns()


def _generate(generator: Any, stream: Any, tokens: int) -> int:
    generate: Callable[[], None] = generator.generate_next_token
    for _ in range(tokens):
        generate()
    return time.perf_counter_ns()
