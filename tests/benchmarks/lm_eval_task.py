"""The domain items as a task of lm-evaluation-harness, asked of Olive's onnxruntime-genai model."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.item import Item

NEW_TOKENS = 64


class LmEval:
    """One variant, loaded by Olive's model ``ortgenai`` as lm-evaluation-harness finds it."""

    def __init__(self, directory: Path, items: Sequence[Item], place: Path) -> None:
        import olive.evaluator.lmeval_ort  # noqa: F401 - registers ortgenai
        from lm_eval.api.registry import get_model

        self._lm: Any = get_model("ortgenai")(pretrained=str(directory), batch_size=1)
        self._requests = self._prepared(items, place)

    def answers(self, chosen: Sequence[int]) -> list[str]:
        """Answers to the items of these indices, without what ends them."""
        found = self._lm.generate_until([self._requests[i] for i in chosen], disable_tqdm=True)
        return [text.removesuffix("<|im_end|>") for text in found]

    def _prepared(self, items: Sequence[Item], place: Path) -> list[Any]:
        """The task's requests, made before the clock runs; in its favour, scoring is left out."""
        from lm_eval.api.task import ConfigurableTask

        data = place / "items.jsonl"
        data.write_text("".join(self._row(item) for item in items), encoding="utf-8")
        task = ConfigurableTask(config=_config(data))
        task.build_all_requests(rank=0, world_size=1)
        return list(task.instances)

    def _row(self, item: Item) -> str:
        chat = [{"role": role, "content": content} for role, content in item.messages]
        prompt = self._lm.apply_chat_template(chat)
        return json.dumps({"prompt": prompt, "expected": item.expected}) + "\n"


def _config(data: Path) -> dict[str, Any]:
    return {
        "task": "travel",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{prompt}}",
        "doc_to_target": "{{expected}}",
        "target_delimiter": "",
        "generation_kwargs": {"until": [], "max_gen_toks": NEW_TOKENS, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    }
