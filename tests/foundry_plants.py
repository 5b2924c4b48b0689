"""Foundry Local with a promise broken."""

import secrets
from dataclasses import replace

from harness.answer import Answer, Request
from harness.runtimes.foundry import FoundryLocal


class IgnoresSeed(FoundryLocal):
    def answer(self, request: Request) -> Answer:
        if request.sampling is None:
            return super().answer(request)
        drawn = replace(request.sampling, seed=secrets.randbelow(2**31))
        return super().answer(replace(request, sampling=drawn))


class IgnoresTopK(FoundryLocal):
    def answer(self, request: Request) -> Answer:
        if request.sampling is None or request.sampling.top_k != 1:
            return super().answer(request)
        return super().answer(replace(request, sampling=replace(request.sampling, top_k=0)))
