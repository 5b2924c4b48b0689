"""Build tiny models of several families with onnxruntime-genai's own builder into argv[1].

Run as a script, so that torch is imported in a process of its own. Each family has a folder with
its checkpoint ("source") and what was built of it ("built").
"""

import shutil
import sys
from pathlib import Path
from typing import Any

TRAVEL = Path(__file__).parents[2] / "fixtures" / "travel" / "model"
SHAPE = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 2048,
    "max_position_embeddings": 4096,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
LLAMA_3 = {
    "rope_type": "llama3",
    "rope_theta": 5e5,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 1024,
}
YARN = {
    "rope_type": "yarn",
    "rope_theta": 1e6,
    "factor": 4.0,
    "beta_fast": 32.0,
    "beta_slow": 1.0,
    "original_max_position_embeddings": 1024,
}
LONG = {
    "rope_type": "longrope",
    "type": "longrope",
    "rope_theta": 1e4,
    "short_factor": [1.0 + n / 10 for n in range(8)],
    "long_factor": [1.0 + n for n in range(8)],
    "original_max_position_embeddings": 1024,
}
PARTIAL = {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.75}
GEMMA_3 = {
    "num_hidden_layers": 6,  # the last of six sees all, the others a window
    "head_dim": 32,
    "sliding_window": 512,
    "query_pre_attn_scalar": 24,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("Llama", {"rope_parameters": LLAMA_3}),
    "qwen2": ("Qwen2", {"hidden_size": 256, "rope_parameters": YARN}),
    "qwen3": ("Qwen3", {"head_dim": 32}),
    "gemma2": ("Gemma2", {"head_dim": 32, "sliding_window": 512, "query_pre_attn_scalar": 24}),
    "gemma3": ("Gemma3Text", GEMMA_3),
    "granite": ("Granite", {"attention_multiplier": 0.3}),
    "phi3": ("Phi3", {"rope_parameters": LONG, "original_max_position_embeddings": 1024}),
    "phi4": ("Phi3", {"rope_parameters": PARTIAL}),
    "mistral": ("Mistral", {"sliding_window": 512}),
}


def build(folder: Path, family: str, settings: dict[str, Any]) -> None:
    import torch
    import transformers
    from onnxruntime_genai.models import builder

    source = folder / "source"
    source.mkdir(parents=True)
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**(SHAPE | settings))
    model = family.removesuffix("Text")
    getattr(transformers, f"{model}ForCausalLM")(config).save_pretrained(source)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        shutil.copy(TRAVEL / name, source)
    place = (str(source), "", str(folder / "built"), "fp32", "cpu", str(folder / "cache"))
    builder.create_model(*place, **builder.parse_extra_options(*place, []))


if __name__ == "__main__":
    from onnxruntime_genai.models import builder

    from harness.builders.olive_bridge import bridge_configurations

    bridge_configurations(builder)
    for name, (family, settings) in FAMILIES.items():
        build(Path(sys.argv[1]) / name, family, settings)
