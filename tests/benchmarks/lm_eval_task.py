"""Domain items as tasks of lm-evaluation-harness, asked of Olive's onnxruntime-genai model."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.item import Item

NEW_TOKENS = 64
_GENERATION = {
    "output_type": "generate_until",
    "generation_kwargs": {"until": [], "max_gen_toks": NEW_TOKENS, "do_sample": False},
    "doc_to_target": "{{expected}}",
    "metric_list": [{"metric": "exact_match"}],
}
_CHOICE = {
    "output_type": "multiple_choice",
    "doc_to_choice": "choices",
    "doc_to_target": "{{choices.index(expected)}}",
    "metric_list": [{"metric": "acc_norm"}],
}


class LmEval:
    """One variant, loaded by Olive's model ``ortgenai`` as lm-evaluation-harness finds it.

    In its favour requests are made before the clock runs, and scoring is left out.
    """

    def __init__(self, directory: Path) -> None:
        import olive.evaluator.lmeval_ort  # noqa: F401 - registers ortgenai
        from lm_eval.api.registry import get_model

        self._lm: Any = get_model("ortgenai")(pretrained=str(directory), batch_size=1)

    def questions(self, items: Sequence[Item], place: Path) -> list[Any]:
        """Items as requests to generate, one each."""
        return self._requests(items, place, _GENERATION)

    def choices(self, items: Sequence[Item], place: Path) -> list[list[Any]]:
        """Items as requests for the likelihoods of their choices, in their order."""
        requests = iter(self._requests(items, place, _CHOICE))
        return [[next(requests) for _ in item.choices] for item in items]

    def answers(self, asked: Sequence[Any]) -> list[str]:
        """Generated answers, without what ends them."""
        found = self._lm.generate_until(list(asked), disable_tqdm=True)
        return [text.removesuffix("<|im_end|>") for text in found]

    def likelihoods(self, asked: Sequence[Sequence[Any]]) -> list[tuple[float, ...]]:
        """Log-likelihoods of each item's choices."""
        flat = [request for requests in asked for request in requests]
        found = iter([value for value, _ in self._lm.loglikelihood(flat, disable_tqdm=True)])
        return [tuple(next(found) for _ in requests) for requests in asked]

    def _requests(self, items: Sequence[Item], place: Path, kind: dict[str, Any]) -> list[Any]:
        from lm_eval.api.task import ConfigurableTask

        data = place / f"{kind['output_type']}.jsonl"
        data.write_text("".join(map(self.row, items)), encoding="utf-8")
        task = ConfigurableTask(config={**_config(data), **kind})
        task.build_all_requests(rank=0, world_size=1)
        return list(task.instances)

    def row(self, item: Item) -> str:
        """A line of a task's data, the prompt as the model's own template renders it."""
        chat = [{"role": role, "content": content} for role, content in item.messages]
        prompt = self._lm.apply_chat_template(chat)
        row = {"prompt": prompt, "expected": item.expected, "choices": item.choices}
        return json.dumps(row) + "\n"


class LmEvalRun:
    """The command as a user starts it, once for each variant; prompts are rendered already."""

    def __init__(
        self, rows: Mapping[str, str], directories: Mapping[str, Path], place: Path
    ) -> None:
        self._ids, self._directories, self._place = list(rows), directories, place
        data = place / "questions.jsonl"
        data.write_text("".join(rows.values()), encoding="utf-8")
        config = json.dumps({**_config(data), **_GENERATION})  # JSON is YAML too
        (place / "travel.yaml").write_text(config, encoding="utf-8")

    def __call__(self) -> dict[tuple[str, str], float]:
        """The score of each variant and item, by their names."""
        return {
            (name, item): score
            for name, directory in self._directories.items()
            for item, score in zip(self._ids, self._scores(name, directory), strict=True)
        }

    def _scores(self, name: str, directory: Path) -> list[float]:
        results = self._place / "results" / name
        command = [sys.executable, "-c", _MAIN, "run", "--model", "ortgenai", "--tasks", "travel"]
        command += ["--model_args", f"pretrained={directory}", "--include_path", str(self._place)]
        command += ["--output_path", str(results), "--log_samples"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stdout + done.stderr
        newest = max(results.rglob("samples_*.jsonl"))
        samples = map(json.loads, newest.read_text(encoding="utf-8").splitlines())
        return [it["exact_match"] for it in sorted(samples, key=lambda it: it["doc_id"])]


_MAIN = """
import olive.evaluator.lmeval_ort
from lm_eval.__main__ import cli_evaluate
cli_evaluate()
"""


def _config(data: Path) -> dict[str, Any]:
    return {
        "task": "travel",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "doc_to_text": "{{prompt}}",
        "target_delimiter": "",
    }
