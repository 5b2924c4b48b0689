"""Whether a variant's tokens are the reference's: else no two distributions can be compared."""

from harness.fleet import Fleet
from harness.forcing import Passage, read
from harness.parity import TEXTS, Ids, or_none
from harness.probes.folder import read_folder


def vocabulary_differences(fleet: Fleet, name: str, reference: str) -> dict[str, int]:
    """How much of each part of a variant's vocabulary, or of its tokenizer's work, is otherwise.

    By part: texts by name, the added tokens (their number), the width of the logits, the tokens
    that end an answer.
    """
    folders = [read_folder(fleet.variant(it).directory) for it in (name, reference)]
    added = list(folders[1].added_tokens)
    texts = [*TEXTS.values(), *added]
    mine, theirs = (_encoded(fleet, it, texts) for it in (name, reference))
    differs = [int(one != other) for one, other in zip(mine, theirs, strict=True)]
    widths = {_width(fleet, it) for it in (name, reference)}
    return {
        "the number of tokens": int(len(widths) > 1),
        "the end tokens": int(set(folders[0].end_tokens) != set(folders[1].end_tokens)),
        "added tokens": sum(differs[len(TEXTS) :]),
        **dict(zip(TEXTS, differs, strict=False)),
    }


def _encoded(fleet: Fleet, name: str, texts: list[str]) -> list[Ids]:
    def encode(text: str) -> Ids:
        return or_none(lambda: fleet.encode(name, [text])[0])

    return [encode(text) for text in texts]


def _width(fleet: Fleet, name: str) -> int:
    """How many tokens the model's logits are for."""
    [ids] = fleet.encode(name, [TEXTS["plain words"]])
    return int(read(fleet, name, Passage("", tuple(ids), 1)).shape[1])
