"""``python -m harness data check``: what is wrong with domain data, before it judges anything."""

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tabulate import tabulate

from harness.base_model import REMARK, asks_chats, chats_among, is_base
from harness.builders.gguf import checkpoint_of, is_gguf
from harness.data_check import Kind, Problem, duplicates, leaks
from harness.data_need import too_few, unmet
from harness.domain import read_items
from harness.errors import ConfigError, HarnessError
from harness.finding import quantity
from harness.item import Item
from harness.policy import Policy, Unseen
from harness.producible import find_tokenizer, unproducible
from harness.release import Data, Release
from harness.store import read_policy, read_release
from harness.training import calibration_leaks, read_trained

FOUND = 1
_HOME = Path(__file__).resolve().parents[1]
_USUAL_POLICY = _HOME / "fixtures" / "policies" / "gate.toml"
_CACHE = _HOME / ".cache" / "variants"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    add = parser.add_argument
    add(
        "data",
        type=Path,
        metavar="FILE",
        help="JSONL, CSV or Parquet file, or folder of a data set",
    )
    add("--split", default="", help="which split of a data set")
    add("--train", type=Path, metavar="FILE", help="what the model was trained on: no item may be")
    add("--train-split", default="", help="which split of the training data set")
    add("--release", type=Path, metavar="FILE", help="whose tokenizer must produce the answers")
    add("--policy", type=Path, metavar="FILE", help="whose rules need items (default: the gate's)")
    add(
        "--cache",
        type=Path,
        metavar="DIR",
        default=_CACHE,
        help="as the gate's: checkpoints of GGUF",
    )


def check_data(options: argparse.Namespace) -> int:
    """Print every problem in one line, and the counts; 0 when there is none, else 1.

    Raises ConfigError for what cannot be read.
    """
    release = _release(options.release, options.cache) if options.release else None
    data = _data(options, release)
    is_chat = release is None or not is_base(release.model)
    items, questions = read_items(data, is_chat), read_items(data.as_written)
    problems = duplicates(items)
    if data.calibration:
        problems += calibration_leaks(questions, data.calibration)
    if options.train:
        problems += leaks(questions, read_trained(options.train, options.train_split))
    if policy := _policy(options.policy, release):
        problems += too_few(items, policy, data.floor)
    tokenizer, no_tokenizer = None, "without --release"
    if release:
        with suppress(ConfigError):
            tokenizer = find_tokenizer(release)
        no_tokenizer = "for there is no tokenizer.json in the release's folders"
        problems += [] if tokenizer is None else unproducible(items, tokenizer)
        problems += _templates(release, tokenizer)
        problems += [] if is_chat else chats_among(items)
    left_out = {
        "leaks": "without --train" if not options.train else "",
        "items that the rules need": "without --policy" if policy is None else "",
        "answers that the tokenizer cannot produce": no_tokenizer if tokenizer is None else "",
    }
    print(_report(options.data.name, items, problems))
    if not is_chat:
        print(f"note: {REMARK}")
    for note in unmet(items, policy, Unseen.REMARK) if policy else ():
        print(f"note: {', '.join(note.ids)}: {note.reason}")
    for what, why in left_out.items():
        if why:
            print(f"not checked {why}: {what}")
    return FOUND if problems else 0


def _templates(release: Release, tokenizer: Path | None) -> list[Problem]:
    """Whether the model can be asked in chats, by its checkpoint or else by a prebuilt folder."""
    folder = tokenizer and tokenizer.parent
    if release.model and release.model.path.is_dir():
        folder = release.model.path
    if folder is None:
        return []
    try:
        asks_chats(release.model, folder)
    except ConfigError as error:
        return [Problem(Kind.TEMPLATE, (release.identity.name,), str(error))]
    return []


def _data(options: argparse.Namespace, release: Release | None) -> Data:
    """The file that is named, asked as the release says."""
    if release is None:
        return Data(options.data, options.split)
    stated, file = release.data, options.data.resolve()
    if file == stated.shots_from:
        stated = replace(stated, shots=0, shots_from=None)
    if file != stated.domain:
        stated = replace(stated, labels=None)
    return replace(stated, domain=file, split=options.split)


def _release(path: Path, cache: Path) -> Release:
    """The release with a checkpoint in place of a GGUF file, made now where none is kept.

    Where it cannot be made, a prebuilt folder tells as much of the tokenizer.
    """
    release, root = read_release(path), cache.parent / "checkpoints"
    model = release.model
    if model is None or not is_gguf(model.path):
        return release
    told = set[str]()

    def tell(name: str, stage: str) -> None:
        if name not in told:
            print(f"{name}: making its checkpoint, which is kept in {root}", flush=True)
        told.add(name)

    try:
        place = checkpoint_of(model.path, root, tell)
    except HarnessError as error:
        if all(it.prebuilt is None for it in release.variants.values()):
            raise
        print(f"note: checked with a prebuilt folder's tokenizer: {error}")
        return release
    return replace(release, model=replace(model, path=place))


def _policy(path: Path | None, release: Release | None) -> Policy | None:
    """The policy that is named, the release's, or the gate's own where it is at hand."""
    path = path or (release.policy.path if release else _USUAL_POLICY)
    return None if path == _USUAL_POLICY and not path.exists() else read_policy(path)


def _chance(items: Sequence[Item]) -> str:
    """How many of the answers of who guesses are right."""
    return quantity(math.fsum(item.chance_level for item in items) / len(items), "share")


def _report(name: str, items: Sequence[Item], problems: Sequence[Problem]) -> str:
    chats = {item.asked: item for item in reversed(items)}.values()
    every, different = (Counter(item.slice for item in group) for group in (items, chats))
    rows = [
        (it, every[it], different[it], _chance([item for item in items if item.slice == it]))
        for it in sorted(every)
    ]
    rows.append(("all", len(items), len(chats), _chance(items)))
    headers = ("slice", "items", "different chats", "right by chance")
    table = tabulate(rows, headers, intfmt=",", colalign=("left", "right", "right", "right"))
    kinds = Counter(str(problem.kind) for problem in problems)
    counts = ", ".join(f"{count} x {kind}" for kind, count in kinds.items())
    return "\n".join([*map(str, problems), "", table, "", f"{name}: {counts or 'no problem'}"])
