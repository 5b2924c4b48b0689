"""Write a Llama of random weights as a GGUF into argv[1], with argv[2] as its pre-tokenizer.

More arguments are tensors that it is to be "with" or "without".
"""

import sys

import numpy as np
from gguf import GGUFWriter, TokenType

WIDTH, HEADS, LAYERS, INNER = 64, 4, 2, 96


def byte_letters() -> list[str]:
    """The letters that stand for bytes in GPT-2's vocabulary."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain}
    table |= {byte: chr(256 + at) for at, byte in enumerate(others)}
    return [table[byte] for byte in range(256)]


def write(path: str, pre: str, *changes: str) -> None:
    random = np.random.default_rng(0)
    tokens = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *byte_letters(), "th", "the"]
    writer = GGUFWriter(path, "llama")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types([TokenType.CONTROL] * 3 + [TokenType.NORMAL] * (len(tokens) - 3))
    writer.add_token_merges(["t h", "th e"])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    shapes = {"token_embd": (len(tokens), WIDTH), "output_norm": (WIDTH,)}
    for layer in range(LAYERS):
        shapes |= {
            f"blk.{layer}.attn_norm": (WIDTH,),
            f"blk.{layer}.ffn_norm": (WIDTH,),
            **{f"blk.{layer}.attn_{what}": (WIDTH, WIDTH) for what in ("q", "k", "v", "output")},
            **{f"blk.{layer}.ffn_{what}": (INNER, WIDTH) for what in ("gate", "up")},
            f"blk.{layer}.ffn_down": (WIDTH, INNER),
        }
    if changes[:1] == ("with",):
        shapes[changes[1]] = (WIDTH // HEADS // 2,)
    if changes[:1] == ("without",):
        del shapes[changes[1]]
    for name, shape in shapes.items():
        values = random.normal(1.0 if "norm" in name else 0.0, 0.05, shape).astype(np.float32)
        writer.add_tensor(f"{name}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(*sys.argv[1:])
