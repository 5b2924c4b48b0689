"""Runtimes that do wrong on purpose, to see that a session goes on and says so."""

import os
import signal
import threading

from harness.answer import Answer, Request
from harness.runtimes.ort_genai import OrtGenAI

LONG = 1000  # tokens; only the scaling ladder and two edge cases are longer


class DiesOfLongPrompts(OrtGenAI):
    """Segmentation fault beyond 1,000 prompt tokens."""

    def answer(self, request: Request) -> Answer:
        if len(request.token_ids or ()) > LONG:
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().answer(request)


class KilledForMemory(OrtGenAI):
    """Killed as the out-of-memory killer does, by the request that scores."""

    def answer(self, request: Request) -> Answer:
        if request.score_from is not None:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().answer(request)


class HangsAtScoring(OrtGenAI):
    """Never answers a request that scores."""

    def answer(self, request: Request) -> Answer:
        if request.score_from is not None:
            threading.Event().wait()
        return super().answer(request)
