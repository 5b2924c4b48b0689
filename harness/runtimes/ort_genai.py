"""onnxruntime-genai, the engine that Foundry Local deploys, as a runtime.

The package's own search options stay as they are, but decoding is greedy: no sampling, one beam.
"""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.answer import Answer, Finish, Messages, Request, Sampling
from harness.errors import InfrastructureError, LoadError, RequestError
from harness.runtimes.base import one_line
from harness.runtimes.genai_limits import GenaiLimits, read_limits
from harness.runtimes.ort_generator import (
    Watched,
    common_tokens,
    in_one_piece,
    last_row,
    likelihoods,
    new_tokens,
)

_REFUSALS = (RuntimeError, ValueError, TypeError, LookupError, OverflowError, MemoryError)
"""What the binding raises: the engine's own errors are RuntimeError, wrong arguments TypeError."""

_LEAST_KEPT_ROOM = 512  # tokens, twice as many where a request needs more
_READ_AT_ONCE = 4352  # tokens of a scored prompt, where rotations depend on what is read at once
_SHORT_ROPE = 4096  # tokens, up to which Phi's rotations are the same for all
_BYTES_AT_ONCE = 2**28  # of logits, for all other models
_CHUNK_TOKENS = 256  # of what is left then: more at once take longer as well
_LONG_ROPE = "phi"  # how the types of the models that have it begin


@dataclass(slots=True)
class _Output:
    """What one request has given so far; `token_ns` has room for all that it generates."""

    token_ns: NDArray[np.int64]
    tokens: list[int]
    pieces: list[str]
    finish: Finish = Finish.LENGTH
    logits: NDArray[np.float32] | None = None
    log_likelihoods: tuple[float, ...] = ()


class OrtGenAI:
    """One loaded onnxruntime-genai folder."""

    def __init__(self) -> None:
        """Import the engine, so that `load` is the model's alone; raises InfrastructureError."""
        self._genai = _import_engine()
        self._model: Any = None
        self._tokenizer: Any = None
        self._kept: Any = None
        self._kept_room = 0
        self._held: Any = None
        self._end_tokens: frozenset[int] = frozenset()
        self._threads = 0
        self._limits = GenaiLimits()

    def use_threads(self, threads: int) -> None:
        """Compute with so many, whatever a package says."""
        self._threads = threads

    def load(self, directory: Path) -> None:
        """Load a folder; raises LoadError with the first line of what the engine says."""
        try:
            self._model = self._genai.Model(self._config(directory))
            self._tokenizer = self._genai.Tokenizer(self._model)
            self._end_tokens = frozenset(int(token) for token in self._tokenizer.eos_token_ids)
            self._limits = read_limits(directory)
        except _REFUSALS as error:
            self.close()
            raise LoadError(one_line(error)) from error

    def _config(self, directory: Path) -> Any:
        config = self._genai.Config(str(directory))
        if self._threads:
            session = {"session_options": {"intra_op_num_threads": self._threads}}
            config.overlay(json.dumps({"model": {"decoder": session}}))
        return config

    def answer(self, request: Request) -> Answer:
        """Answer one request; what the engine refuses is an answer too."""
        self._held = None
        started_ns, started_cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        prompt: NDArray[np.int32] = np.empty(0, np.int32)
        output = _Output(np.empty(0, np.int64), [], [])
        problem, watched = "", None
        try:
            prompt = self._prompt(request)
            self._refuse_what_does_not_fit(request, len(prompt))
            generator = self._generator(request, prompt)
            self._held = generator if request.hold else None
            if request.score_from is not None:
                output.finish = Finish.SCORED
                output.logits = self._rows(generator, prompt, request.score_from)
            elif request.continuations:
                output.finish = Finish.SCORED
                self._read(generator, prompt)
                back = partial(self._back, generator, request, prompt)
                output.log_likelihoods = likelihoods(generator, request, back)
            else:
                self._read_prompt(generator, prompt, request)
                if request.watch or request.tell_logits:
                    generator = watched = Watched(generator, request.tell_logits)
                room = min(request.new_tokens, self._limits.context_tokens)
                output.token_ns = np.empty(room, np.int64)
                self._generate(generator, request, output)
                output.logits = None if watched is None else watched.logits
        except _REFUSALS as error:
            self._kept = None  # its state is unknown
            output.finish, problem = Finish.ERROR, one_line(error)
        ended_ns = time.perf_counter_ns()
        return Answer(
            prompt_ids=tuple(prompt.tolist()),
            token_ids=tuple(output.tokens),
            text="".join(output.pieces),
            finish=output.finish,
            error=problem,
            started_ns=started_ns,
            ended_ns=ended_ns,
            cpu_ns=time.process_time_ns() - started_cpu_ns,
            token_ns=output.token_ns[: len(output.tokens)].copy(),
            logits=output.logits,
            log_likelihoods=output.log_likelihoods,
            non_finite=None if watched is None else watched.non_finite,
        )

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text; raises RequestError where the tokenizer refuses one."""
        try:
            return [self._encode(text).tolist() for text in texts]
        except _REFUSALS as error:
            raise RequestError(one_line(error)) from error

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids; raises RequestError where one is refused."""
        try:
            arrays = [np.array(sequence, np.int32) for sequence in sequences]
            return [str(self._tokenizer.decode(array)) for array in arrays]
        except _REFUSALS as error:
            raise RequestError(one_line(error)) from error

    def render(self, messages: Messages) -> str:
        """The prompt of a chat, as the engine itself renders it; raises RequestError."""
        try:
            return self._render(messages)
        except _REFUSALS as error:
            raise RequestError(one_line(error)) from error

    def close(self) -> None:
        """Let go of everything that was loaded."""
        self._kept = self._held = self._tokenizer = self._model = None

    def _prompt(self, request: Request) -> NDArray[np.int32]:
        if request.token_ids is not None:
            return np.array(request.token_ids, np.int32)
        if request.messages is not None:
            return self._encode(self._render(request.messages))
        return self._encode(request.text or "")

    def _refuse_what_does_not_fit(self, request: Request, prompt_tokens: int) -> None:
        """Of continuations the engine sees all but the last token; all else it refuses itself."""
        needed = prompt_tokens + request.continuation_tokens
        if request.continuations and needed > self._limits.context_tokens:
            raise ValueError(
                f"the prompt and a continuation have {needed:,} tokens, "
                f"there is room for {self._limits.context_tokens:,}"
            )

    def _encode(self, text: str) -> NDArray[np.int32]:
        _refuse_half_characters(text)
        return np.asarray(self._tokenizer.encode(text), np.int32)

    def _render(self, messages: Messages) -> str:
        chat = [{"role": role, "content": content} for role, content in messages]
        text = json.dumps(chat, ensure_ascii=False)
        _refuse_half_characters(text)
        return str(self._tokenizer.apply_chat_template(text, add_generation_prompt=True))

    def _generator(self, request: Request, prompt: NDArray[np.int32]) -> Any:
        """A new generator with room for this request alone, or the kept one.

        The room is what Foundry Local asks for. All of it is memory for keys and values: a whole
        context of 131,072 tokens takes 5.8 GiB of a model of 135 M, and time to touch. A new one
        reads a prompt in the parts that Foundry Local has it read in: at once the engine would keep
        the logits of all its tokens (4,096 of SmolLM2 in int4: 1,430 MiB in place of 908).
        """
        more = request.continuation_tokens if request.is_scored else request.new_tokens
        wanted = len(prompt) + more
        if request.sampling is not None:
            return self._sampling_generator(request.sampling, wanted)
        if request.defaults:
            return self._new_generator(wanted)
        if request.fresh:
            new = self._new_generator(wanted, do_sample=False)
            return in_one_piece(new, prompt) if request.score_from is not None else new
        is_small = self._kept_room < min(wanted, self._limits.context_tokens)
        if self._kept is None or is_small or self._has_let_go(self._kept):
            self._kept, self._kept_room = None, max(_LEAST_KEPT_ROOM, _power_of_two(wanted))
            new = self._new_generator(self._kept_room, do_sample=False)
            self._kept = in_one_piece(new, prompt)
        self._kept.rewind_to(common_tokens(self._kept, prompt) if request.keep_prefix else 0)
        return self._kept

    def _has_let_go(self, generator: Any) -> bool:
        return self._limits.has_let_go(generator.token_count())

    def _back(self, generator: Any, request: Request, prompt: NDArray[np.int32]) -> Any:
        """A generator that has read the prompt and no more, as this one had: this one rewound, or
        another where a window has let go of what it needs.
        """
        if not self._has_let_go(generator):
            generator.rewind_to(len(prompt))
            return generator
        again = self._generator(request, prompt)
        self._read(again, prompt)
        return again

    def _read(self, generator: Any, prompt: NDArray[np.int32]) -> None:
        """Read it so that what predicts the next token comes of the last part."""
        for _ in self._read_in_parts(generator, prompt):
            pass

    def _sampling_generator(self, sampling: Sampling, wanted: int) -> Any:
        given = {
            name: value
            for name in ("temperature", "top_p", "top_k", "repetition_penalty")
            if (value := getattr(sampling, name)) is not None
        }
        return self._new_generator(wanted, do_sample=True, random_seed=sampling.seed, **given)

    def _new_generator(self, wanted: int, **search: float) -> Any:
        """With room for so many tokens, as far as the context has it.

        Raises InfrastructureError where this machine has no memory for that.
        """
        max_length = max(
            1, min(max(wanted, self._limits.window_tokens), self._limits.context_tokens)
        )
        self._limits.memory.require(max_length, self._drop_kept)
        options = self._genai.GeneratorParams(self._model)
        options.set_search_options(
            num_beams=1,
            num_return_sequences=1,
            max_length=max_length,
            **self._limits.usual,
            **search,
        )
        return self._genai.Generator(self._model, options)

    def _drop_kept(self) -> None:
        self._kept = None

    def _read_prompt(self, generator: Any, prompt: NDArray[np.int32], request: Request) -> None:
        """What is not read of it yet: a new generator parts that itself, a kept one does not.

        What does not fit the engine refuses before it reads any of it, if it is given all of it.
        """
        unread = prompt[generator.token_count() :]
        is_parted = not request.fresh and len(prompt) < self._limits.context_tokens
        size = self._limits.part_tokens if is_parted else 0
        for part in np.split(unread, range(size, len(unread), size)) if size else [unread]:
            generator.append_tokens(part)

    def _rows(
        self, generator: Any, prompt: NDArray[np.int32], score_from: int
    ) -> NDArray[np.float32]:
        """The logits that predict the tokens from `score_from` on, (tokens, vocabulary).

        The engine keeps the logits of all that it reads: 1 MiB a token where the vocabulary has
        262,144. So a prompt is read in chunks, after a first part that may be larger.
        """
        rows, last = [], len(prompt) - 1
        for start, stop in self._read_in_parts(generator, prompt):
            first, end = max(score_from - 1, start), min(stop, last)
            if first < end:
                logits = generator.get_output("logits")[0, first - start : end - start]
                rows.append(np.array(logits, np.float32))
        return np.concatenate(rows) if rows else np.empty((0, self._limits.vocabulary), np.float32)

    def _read_in_parts(
        self, generator: Any, prompt: NDArray[np.int32]
    ) -> Iterator[tuple[int, int]]:
        """Read what the generator has not read of a prompt, and say where each part begins and ends
        when it is read.
        """
        if not len(prompt):
            generator.append_tokens(prompt)  # the engine's to refuse
        first = _first_tokens(self._limits.kind, self._limits.vocabulary, len(prompt))
        start = generator.token_count()
        while start < len(prompt):
            size = _CHUNK_TOKENS if start >= first else first
            stop = min(start + size, len(prompt))
            generator.append_tokens(prompt[start:stop])
            yield start, stop
            start = stop

    def _generate(self, generator: Any, request: Request, output: _Output) -> None:
        """Fill `output`, up to an end token or the last for which there is room.

        Tokens are stamped as they come and read when all are there: between two stamps is the
        engine's work and next to nothing of ours.
        """
        if request.forced:
            self._force(generator, request.forced, output)
            return
        generate, is_done, now_ns = (
            generator.generate_next_token,
            generator.is_done,
            time.perf_counter_ns,
        )
        prompt_tokens, token_ns, count = generator.token_count(), output.token_ns, 0
        limit = min(request.max_new_tokens, request.cancel_after or request.max_new_tokens)
        while count < limit:
            generate()
            token_ns[count] = now_ns()
            count += 1
            if is_done():
                token = int(generator.get_next_tokens()[0])
                if request.stop_at_end and token in self._end_tokens:
                    output.finish = Finish.STOP
                    count -= 1
                    break
                if count == limit or not self._pass_end(generator, token):
                    break
        if count == limit < request.max_new_tokens and output.finish is Finish.LENGTH:
            output.finish = Finish.CANCELLED
        output.tokens = new_tokens(generator, prompt_tokens, count)
        decode = self._tokenizer.create_stream().decode
        output.pieces = [decode(token) for token in output.tokens]

    def _force(self, generator: Any, forced: Sequence[int], output: _Output) -> None:
        """Fill `output` with what would be chosen before each of these tokens, which then comes."""
        for step, token in enumerate(forced):
            logits = generator.get_logits()
            output.token_ns[step] = time.perf_counter_ns()
            output.tokens.append(int(np.argmax(last_row(logits))))
            if step < len(forced) - 1:
                generator.append_tokens(np.array([token], np.int32))

    def _pass_end(self, generator: Any, token: int) -> bool:
        """Whether a generator that is done could be moved past an end token.

        The engine does not count the end token that stops it; appended, it is one like all others.
        """
        if (
            token not in self._end_tokens
            or generator.token_count() >= self._limits.context_tokens - 1
        ):
            return False
        generator.append_tokens(np.array([token], np.int32))
        return True


def _first_tokens(kind: str, vocabulary: int, prompt_tokens: int) -> int:
    """How much of a scored prompt of so many tokens is read at once, in tokens.

    Where rotations depend on the length (LongRoPE) they are chosen by what is read at once, and it
    is the same for every vocabulary.
    """
    if kind.startswith(_LONG_ROPE) and prompt_tokens > _SHORT_ROPE:
        return _READ_AT_ONCE
    return max(_CHUNK_TOKENS, min(_READ_AT_ONCE, _BYTES_AT_ONCE // max(1, 4 * vocabulary)))


def _import_engine() -> Any:
    try:
        import onnxruntime_genai
    except ImportError as error:
        raise InfrastructureError(
            f"onnxruntime-genai cannot be imported, install the gate again: {one_line(error)}"
        ) from error
    if hasattr(onnxruntime_genai, "disable_telemetry_events"):
        onnxruntime_genai.disable_telemetry_events()
    return onnxruntime_genai


def _power_of_two(least: int) -> int:
    return 1 << max(0, least - 1).bit_length()


def _refuse_half_characters(text: str) -> None:
    """Raise UnicodeEncodeError for a lone surrogate: the binding's own message is a page long."""
    text.encode()
