"""The engine with one promise broken, always or now and then."""

import secrets
from dataclasses import replace

from harness.answer import Answer, Request, Sampling
from harness.runtimes.ort_genai import OrtGenAI


class Plant(OrtGenAI):
    """Changes every request before it is answered, or each `every`-th."""

    every = 1
    answered = 0

    def answer(self, request: Request) -> Answer:
        self.answered += 1
        if self.answered % self.every or not self.concerns(request):
            return super().answer(request)
        return super().answer(self.changed(request))

    def concerns(self, request: Request) -> bool:
        return request.sampling is not None

    def changed(self, request: Request) -> Request:
        assert request.sampling is not None
        return replace(request, sampling=self.sampled(request.sampling))

    def sampled(self, asked: Sampling) -> Sampling | None:
        raise NotImplementedError


class IgnoresSeed(Plant):
    def sampled(self, asked: Sampling) -> Sampling:
        return replace(asked, seed=secrets.randbelow(2**31))


class IgnoresSeedNowAndThen(IgnoresSeed):
    every = 7


class HasOneSeed(Plant):
    def sampled(self, asked: Sampling) -> Sampling:
        return replace(asked, seed=1)


class HasFewSeeds(Plant):
    """Knows two seeds only."""

    def sampled(self, asked: Sampling) -> Sampling:
        return replace(asked, seed=asked.seed % 2)


class NeverSamples(Plant):
    def sampled(self, asked: Sampling) -> None:
        return None


class NeverSamplesWhenHot(NeverSamples):
    def concerns(self, request: Request) -> bool:
        return request.sampling is not None and (request.sampling.temperature or 0) > 1


class IgnoresTemperature(Plant):
    def sampled(self, asked: Sampling) -> Sampling:
        return replace(asked, temperature=None)


class IgnoresTemperatureNowAndThen(IgnoresTemperature):
    every = 5


class IgnoresTopK(Plant):
    def sampled(self, asked: Sampling) -> Sampling:
        return replace(asked, top_k=None)


class IgnoresTopKNowAndThen(IgnoresTopK):
    every = 5


class IgnoresTopP(Plant):
    def sampled(self, asked: Sampling) -> Sampling:
        return replace(asked, top_p=None)


class IgnoresTopPNowAndThen(IgnoresTopP):
    every = 5


class GivesOneTokenMore(Plant):
    def concerns(self, request: Request) -> bool:
        return request.max_new_tokens > 0 and not request.is_scored

    def changed(self, request: Request) -> Request:
        return replace(request, max_new_tokens=request.max_new_tokens + 1)


class ForgetsTheLimit(GivesOneTokenMore):
    every = 3

    def changed(self, request: Request) -> Request:
        return replace(request, max_new_tokens=64)


class CannotSample(Plant):
    def answer(self, request: Request) -> Answer:
        if request.sampling is not None:
            raise ValueError("this engine is greedy")
        return super().answer(request)


class Corrupts(Plant):
    """Ends each `every`-th answer with another token and its text."""

    every = 50

    def answer(self, request: Request) -> Answer:
        self.answered += 1
        answer = OrtGenAI.answer(self, request)
        if request.is_scored or self.answered % self.every:
            return answer
        return self.corrupted(answer)

    def corrupted(self, answer: Answer) -> Answer:
        return replace(answer, token_ids=(*answer.token_ids[:-1], 77), text=answer.text[:-1] + "7")


class CorruptsSeldom(Corrupts):
    every = 200


class CutsSeldom(Corrupts):
    """Leaves the last token out."""

    every = 200

    def corrupted(self, answer: Answer) -> Answer:
        return replace(answer, token_ids=answer.token_ids[:-1], text=answer.text[:-1])


class GarblesText(Corrupts):
    """The right tokens, and a text that is not theirs."""

    def corrupted(self, answer: Answer) -> Answer:
        return replace(answer, text=answer.text.upper() + "?")
