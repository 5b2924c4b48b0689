"""Which tensors of a checkpoint a tensor of the graph was made from, by their names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

Shapes = Mapping[str, tuple[int, ...]]

_LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
_OPERATOR = re.compile(r"\.(?:MatMul(?:NBits)?|Gemm|Add|Gather|layernorm)(?=\.|$)")
_STORED = re.compile(r"\.q?weight(?:_.*)?$")
_FINAL_NORM = re.compile(r".*final_norm(?:_layernorm)?\.")
_NOT_TEXT = re.compile(r"vision|visual|audio|speech|image")
_ALIASES = {
    "self_attn": "attn",
    "self_attention": "attn",
    "attention": "attn",
    "feed_forward": "mlp",
    "out_proj": "o_proj",
    "dense": "o_proj",
    "wqkv": "qkv_proj",
    "query_key_value": "qkv_proj",
    "w1": "gate_proj",
    "w2": "down_proj",
    "w3": "up_proj",
    "wte": "embed_tokens",
    "tok_embeddings": "embed_tokens",
    "final_layernorm": "norm",
    "ln_f": "norm",
}
_FUSED = {
    "qkv_proj": ("q_proj", "k_proj", "v_proj"),
    "gate_up_proj": ("gate_proj", "up_proj"),
}
_TIED = ("lm_head.weight", "embed_tokens.weight")
_COMPUTED = ("inv_freq", "masked_bias", "rotary_emb.weight")


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows of a checkpoint's tensor, from `first` up to `end`."""

    name: str
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Names:
    """A checkpoint's tensors by what they are in any naming ("layers.3.attn.q_proj.weight")."""

    shapes: Shapes
    by_key: Mapping[str, str]

    def pieces(self, name: str, rows: int) -> tuple[Piece, ...]:
        """What a tensor of the graph with so many output rows is made of, () where unknown."""
        key = key_of(name)
        if key == "lm_head.weight" and key not in self.by_key:
            key = "embed_tokens.weight"  # tied
        found = self._whole(key) or self._joined(key) or self._part(key, rows)
        return found if sum(it.end - it.first for it in found) == rows else ()

    def _whole(self, key: str) -> tuple[Piece, ...]:
        name = self.by_key.get(key)
        return (Piece(name, 0, self.shapes[name][0]),) if name else ()

    def _joined(self, key: str) -> tuple[Piece, ...]:
        """Of a tensor that the graph has in one and the checkpoint apart."""
        for fused, parts in _FUSED.items():
            if f".{fused}." in key:
                found = [self._whole(key.replace(fused, part)) for part in parts]
                return tuple(it[0] for it in found) if all(found) else ()
        return ()

    def _part(self, key: str, rows: int) -> tuple[Piece, ...]:
        """Of a tensor that the checkpoint has in one and the graph apart."""
        for fused, parts in _FUSED.items():
            for index, part in enumerate(parts):
                name = self.by_key.get(key.replace(part, fused)) if f".{part}." in key else None
                if name:
                    after = len(parts) - 1 - index  # of the same size each, as k and v are
                    first = 0 if index == 0 else self.shapes[name][0] - rows * (after + 1)
                    return (Piece(name, first, first + rows),)
        return ()


def names_of(shapes: Shapes) -> Names:
    """The tensors of a checkpoint, those of its text model where it has others too."""
    by_key: dict[str, str] = {}
    for name in sorted(shapes, key=lambda it: (bool(_NOT_TEXT.search(it)), it)):
        if shapes[name]:
            by_key.setdefault(key_of(name), name)
    return Names(shapes, by_key)


def key_of(name: str) -> str:
    """What a tensor is, whoever named it: its layer's number, module and kind."""
    name = _STORED.sub(".weight", _OPERATOR.sub("", name.strip("/").replace("/", ".")))
    name = _FINAL_NORM.sub("norm.", name)
    layer = _LAYER.search(name)
    start = f"layers.{layer[1]}." if layer else ""
    parts = name[layer.end() :].split(".") if layer else name.split(".")[-2:]
    return start + ".".join(_ALIASES.get(part, part) for part in parts)


def shown(name: str) -> str:
    """A tensor's name without how it is stored: "model.layers.1.mlp.down_proj"."""
    return _STORED.sub("", _OPERATOR.sub("", name))


def layer_of(name: str) -> str:
    """The number of the layer that a name is of, empty where it is of none."""
    found = _LAYER.search(name.replace("/", "."))
    return found[1] if found else ""


def kind_of(name: str) -> str:
    """What a tensor is in every layer alike."""
    return re.sub(r"\d+", "#", name)


def lacking(shapes: Shapes, used: set[str]) -> tuple[str, ...]:
    """Tensors of a checkpoint that nothing is made from, though their like in another layer is."""
    kinds = {kind_of(name) for name in used}
    return tuple(name for name in shapes if name not in used and kind_of(name) in kinds)


def unknown(shapes: Shapes, used: set[str]) -> tuple[str, ...]:
    """Tensors of a checkpoint of whose kind nothing is used, and that are not computed anew."""
    kinds = {kind_of(name) for name in used}
    known = _TIED if any(key_of(name) in _TIED for name in used) else ()
    left = [name for name in shapes if kind_of(name) not in kinds and key_of(name) not in known]
    return tuple(name for name in left if not name.endswith(_COMPUTED))
