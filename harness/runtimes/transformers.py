"""The Hugging Face checkpoint itself in transformers, as a runtime: what variants are made from.

It computes in float32 on the CPU whatever the checkpoint's files hold, so it takes four bytes of
memory a parameter (2 GB for 0.5 billion) and no copy beside that: weights are read tensor by
tensor. Nothing is downloaded, and no code that a checkpoint brings along is run.
"""

import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.answer import Answer, Finish, Messages, Request
from harness.errors import InfrastructureError, LoadError, RequestError
from harness.metrics.likelihood import log_likelihoods
from harness.runtimes.base import one_line
from harness.runtimes.caps import says_out_of_memory

_INSTALL = "pip install 'slm-release-gate[build]'"


@dataclass(slots=True)
class _Watch:
    """How many steps had logits that were not all finite, and the logits where they are kept."""

    keeps: bool = False
    non_finite: int = 0
    rows: list[NDArray[np.float32]] = field(default_factory=list)

    def look(self, logits: Any) -> None:
        """At one step's, a tensor (vocabulary)."""
        row = logits.float().numpy()
        self.non_finite += not np.isfinite(row).all()
        if self.keeps:
            self.rows.append(row.copy())

    @property
    def logits(self) -> NDArray[np.float32] | None:
        """Those of each step, (steps, vocabulary); None where none were kept."""
        return np.stack(self.rows) if self.rows else None


class Transformers:
    """One loaded checkpoint."""

    def __init__(self) -> None:
        """Import torch and transformers, so that `load` is the model's alone; InfrastructureError
        where they are not installed.
        """
        self._torch, self._transformers = _import_packages()
        self._model: Any = None
        self._tokenizer: Any = None
        self._held: Any = None
        self._end_tokens: frozenset[int] = frozenset()
        self._context_tokens = 0

    def load(self, directory: Path) -> None:
        """Load a checkpoint's folder; raises LoadError with the first line of what went wrong.

        InfrastructureError where there is no memory for it: the machine is small, not the
        checkpoint wrong.
        """
        if not (directory / "config.json").is_file():
            raise LoadError(f"there is no checkpoint in {directory}: no config.json")
        try:
            self._tokenizer = self._transformers.AutoTokenizer.from_pretrained(
                directory, local_files_only=True
            )
            self._model = self._transformers.AutoModelForCausalLM.from_pretrained(
                directory, local_files_only=True, dtype=self._torch.float32
            ).eval()
            self._end_tokens = _end_tokens(self._model)
            text_config = self._model.config.get_text_config()
            self._context_tokens = int(text_config.max_position_embeddings)
            gc.freeze()  # or each plan's collection looks at all that torch made, for 0.2 s
        except Exception as error:  # any class of any family loads here: whatever it raises
            self.close()
            why = f"{type(error).__name__}: {one_line(error)}"
            if says_out_of_memory(why):
                raise InfrastructureError(
                    f"there is no memory to load {directory}: {why}"
                ) from error
            raise LoadError(why) from error

    def answer(self, request: Request) -> Answer:
        """Answer one request; what cannot be answered is an answer too."""
        self._held = None
        started_ns, started_cpu_ns = time.perf_counter_ns(), time.process_time_ns()
        prompt: list[int] = []
        tokens, token_ns = list[int](), list[int]()
        finish, logits, problem, text = Finish.SCORED, None, "", ""
        likelihoods: tuple[float, ...] = ()
        watches = (request.watch or request.tell_logits) and not request.is_scored
        watch = _Watch(request.tell_logits) if watches else None
        try:
            prompt = self._prompt(request)
            with self._torch.inference_mode():
                if not request.is_scored:
                    finish = self._generate(prompt, request, tokens, token_ns, watch)
                    text = self._decode(tokens)
                    logits = None if watch is None else watch.logits
                elif request.score_from is not None:
                    logits = self._score(prompt, request.score_from)
                else:
                    likelihoods = self._likelihoods(prompt, request.continuations)
        except Exception as error:  # torch's and the class's: an answer that is an error
            finish, problem = Finish.ERROR, f"{type(error).__name__}: {one_line(error)}"
        ended_ns = time.perf_counter_ns()
        return Answer(
            prompt_ids=tuple(prompt),
            token_ids=tuple(tokens),
            text=text,
            finish=finish,
            error=problem,
            started_ns=started_ns,
            ended_ns=ended_ns,
            cpu_ns=time.process_time_ns() - started_cpu_ns,
            token_ns=np.array(token_ns[: len(tokens)], np.int64),
            logits=logits,
            log_likelihoods=likelihoods,
            non_finite=None if watch is None else watch.non_finite,
        )

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text and nothing before or after it; raises RequestError."""
        try:
            return [self._encode(text) for text in texts]
        except Exception as error:  # as above
            raise RequestError(f"{type(error).__name__}: {one_line(error)}") from error

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of each sequence of token ids, without special tokens; raises RequestError."""
        try:
            return [self._decode(list(tokens)) for tokens in sequences]
        except Exception as error:  # as above
            raise RequestError(f"{type(error).__name__}: {one_line(error)}") from error

    def render(self, messages: Messages) -> str:
        """The prompt that `apply_chat_template` makes of a chat; raises RequestError."""
        try:
            return self._render(messages)
        except Exception as error:  # the template is the checkpoint's
            raise RequestError(f"{type(error).__name__}: {one_line(error)}") from error

    def close(self) -> None:
        """Let go of everything that was loaded."""
        self._held = self._tokenizer = self._model = None
        gc.unfreeze()

    def _prompt(self, request: Request) -> list[int]:
        if request.sampling is not None:
            raise ValueError("the source model answers greedily alone: ask without sampling")
        if request.token_ids is not None:
            prompt = list(request.token_ids)
        elif request.messages is not None:
            prompt = self._encode(self._render(request.messages))
        else:
            prompt = self._encode(request.text or "")
        if not prompt:
            raise ValueError("the prompt is empty")
        needed = request.continuation_tokens if request.is_scored else 1
        room = self._context_tokens - needed
        if len(prompt) > room:
            raise ValueError(f"the prompt has {len(prompt):,} tokens, there is room for {room:,}")
        return prompt

    def _encode(self, text: str) -> list[int]:
        text.encode()  # a lone surrogate is no text: UnicodeEncodeError says so in one line
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _render(self, messages: Messages) -> str:
        chat = [{"role": role, "content": content} for role, content in messages]
        return str(
            self._tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)
        )

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(
                tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )

    def _generate(
        self,
        prompt: list[int],
        request: Request,
        tokens: list[int],
        token_ns: list[int],
        watch: "_Watch | None",
    ) -> Finish:
        """Add to `tokens` and their times, greedily, up to an end token or the end of the room."""
        limit = min(request.new_tokens, request.cancel_after or request.new_tokens)
        room = min(limit, self._context_tokens - len(prompt))
        new, past = prompt, None
        while len(tokens) < room:
            output = self._forward(new, past_key_values=past, use_cache=True, logits_to_keep=1)
            token, past = int(output.logits[0, -1].argmax()), output.past_key_values
            if watch is not None:
                watch.look(output.logits[0, -1])
            if request.stop_at_end and not request.forced and token in self._end_tokens:
                return Finish.STOP
            token_ns.append(time.perf_counter_ns())
            tokens.append(token)
            new = [request.forced[len(tokens) - 1] if request.forced else token]
        self._held = past if request.hold else None
        return Finish.CANCELLED if room == limit < request.new_tokens else Finish.LENGTH

    def _score(self, prompt: list[int], score_from: int) -> NDArray[np.float32]:
        """The logits that predict the tokens from `score_from` on, (tokens, vocabulary)."""
        kept = len(prompt) - score_from + 1
        logits = self._forward(prompt, use_cache=False, logits_to_keep=kept).logits[0, -kept:-1]
        scores: NDArray[np.float32] = logits.to(self._torch.float32).contiguous().numpy()
        return scores

    def _likelihoods(
        self, prompt: list[int], continuations: Sequence[tuple[int, ...]]
    ) -> tuple[float, ...]:
        """One forward for the prompt, and one more for each continuation of several tokens."""

        def rest(ids: tuple[int, ...]) -> NDArray[np.float32]:
            return self._score([*prompt, *ids], len(prompt) + 1)

        last = self._forward(prompt, use_cache=False, logits_to_keep=1).logits[0, -1:]
        return log_likelihoods(last.to(self._torch.float32).numpy(), rest, continuations)

    def _forward(self, tokens: list[int], **options: Any) -> Any:
        return self._model(input_ids=self._torch.tensor([tokens]), **options)


def _import_packages() -> tuple[Any, Any]:
    """Offline, and with threads that sleep while they wait: where others use the cores, spinning
    ones take thirty times as long.
    """
    os.environ.update(HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import torch
        import transformers
    except ImportError as error:
        raise InfrastructureError(
            f"the source model needs torch and transformers, install them with {_INSTALL}: "
            f"{one_line(error)}"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    return torch, transformers


def _end_tokens(model: Any) -> frozenset[int]:
    """What ends an answer, as the checkpoint's generation configuration says."""
    found = model.generation_config.eos_token_id
    if found is None:
        found = model.config.get_text_config().eos_token_id
    return frozenset([] if found is None else [found] if isinstance(found, int) else found)
