"""Write a checkpoint of Qwen2.5-0.5B's shape, weights random, into argv[2].

Its tokenizer is that of the checkpoint in argv[1], made as large as the vocabulary. Run as a
script, so that torch is imported in a process of its own.
"""

import json
import shutil
import sys
from pathlib import Path

VOCABULARY = 151_936
CONTEXT_TOKENS = 4096
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def write_tokenizer(source: Path, directory: Path) -> None:
    """Add words that no text is encoded to, so that every id the model may say is one."""
    for name in TOKENIZER_FILES:
        shutil.copy(source / name, directory)
    path = directory / "tokenizer.json"
    tokenizer = json.loads(path.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    taken = {*vocabulary.values(), *(token["id"] for token in tokenizer["added_tokens"])}
    vocabulary |= {f"word{i}": i for i in range(VOCABULARY) if i not in taken}
    path.write_text(json.dumps(tokenizer), encoding="utf-8")


def write_model(directory: Path) -> None:
    import torch
    from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=896,
        intermediate_size=4864,
        num_hidden_layers=24,
        num_attention_heads=14,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
    )
    model = Qwen2ForCausalLM(config)
    model.generation_config = GenerationConfig(do_sample=False, eos_token_id=2, pad_token_id=0)
    model.half().save_pretrained(directory)


if __name__ == "__main__":
    write_tokenizer(Path(sys.argv[1]), Path(sys.argv[2]))
    write_model(Path(sys.argv[2]))
