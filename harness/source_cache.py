"""What the source said, on disk: a later session is told the same, or asks the source itself."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from datetime import UTC, date, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, TypeVar

from harness.fleet import Fleet
from harness.forcing import Passage, read
from harness.metrics.divergence import Logits
from harness.reply_cache import plain_reply
from harness.sealed import read_sealed, sealed_path, write_sealed
from harness.source import Questions, SourceFacts, rendered_chat
from harness.source_lengths import SourceLengths
from harness.store import digest_files, digest_of

SCHEMA = 1
_SAMPLE = 3  # passages that the reference reads again before anything is served
_ELSEWHERE = "adapter_config.json"  # it names weights that are not in the folder
_NOW = b"strftime_now"  # what a chat template calls for the date
_TEMPLATES = (".jinja", ".json")
_NOT_KEPT = {"asked", "kept_from"}
_FACTS = [one.name for one in fields(SourceFacts) if one.name not in _NOT_KEPT]

Found = TypeVar("Found", SourceFacts, SourceLengths)


class SourceCache:
    """The source's answers about one reference, each in a file named by all that decides it.

    These are the files of the source and what is installed (transformers loads more than it
    names), what was asked, with the reference's replies in it, and what made these. The source's
    own answers cannot be proven without it, so the reference's are: its logits are part of the name
    too, which are the same to the last bit in every process of one machine and number of threads.
    Another reference, machine or engine is asked about anew. A failure is never kept.
    """

    def __init__(self, root: Path, made_of: Mapping[str, object]) -> None:
        """`made_of` is what decides the reference's replies: `harness.reply_cache.ingredients`."""
        self._root = root
        self._made_of = dict(made_of)

    def facts(
        self, asked: Questions, fleet: Fleet, reference: str, ask: Callable[[], SourceFacts]
    ) -> SourceFacts:
        """What the source says to these questions, kept or asked now.

        The template's rendering of today is part of the name. Raises what `ask` raises, and what
        the reference does wrong where it reads some of the passages.
        """
        sample = [read(fleet, reference, passage) for passage in asked.passages[:_SAMPLE]]

        def name() -> dict[str, object]:
            return {
                "asked": digest_of(_plain_questions(asked)),
                "rendered": digest_of(rendered_chat(fleet, reference)),
                "logits": _digest_logits(sample),
            }

        def restore(content: Mapping[str, Any]) -> SourceFacts:
            return _restored_facts(asked, content)

        return self._kept_or_asked(asked.directory, name, restore, ask)

    def lengths(
        self,
        directory: Path,
        asked: Sequence[Passage],
        known: Mapping[int, Logits],
        ask: Callable[[], SourceLengths],
    ) -> SourceLengths:
        """How far the reference is from the source at these lengths, kept or asked now.

        `known` are the reference's logits by length: nothing is kept or served where one is
        missing. Raises what `ask` raises.
        """
        ends = [known.get(len(passage.token_ids)) for passage in asked]
        whole = [
            logits
            for logits, passage in zip(ends, asked, strict=True)
            if logits is not None and len(logits) == passage.positions
        ]
        if len(whole) < len(asked):
            return ask()

        def name() -> dict[str, object]:
            passages = digest_of([asdict(passage) for passage in asked])
            return {"lengths": passages, "logits": _digest_logits(whole)}

        def restore(content: Mapping[str, Any]) -> SourceLengths:
            return _restored_lengths(asked, content)

        return self._kept_or_asked(directory, name, restore, ask)

    def _kept_or_asked(
        self,
        directory: Path,
        name: Callable[[], Mapping[str, object]],
        restore: Callable[[Mapping[str, Any]], Found],
        ask: Callable[[], Found],
    ) -> Found:
        try:
            made_of = {**self._made_of, **_decisive(directory), **name()}
            path = sealed_path(self._root, made_of)
        except (OSError, ValueError):  # what cannot be named cannot be kept
            return ask()
        content = read_sealed(path, made_of)
        if content is not None:
            with suppress(ValueError, KeyError, TypeError):
                found = restore(content)
                _touch(path)
                return found
        found = ask()
        answers = _plain_answers(found)
        if answers:
            write_sealed(path, made_of, {"asked_at": _now(), "answers": answers})
        return found


def kept_remark(what: str, kept_from: str) -> str:
    """Tells the report's reader that the source was not asked, and when it was."""
    return f"The source was not asked {what}: its answers are kept from a session of {kept_from}"


def _decisive(directory: Path) -> dict[str, object]:
    """What decides a source's answers to anything, beside what decides the reference's replies.

    Raises OSError or ValueError where that is not to be told by the folder.
    """
    if (directory / _ELSEWHERE).exists() or any(map(_is_linked_folder, directory.rglob("*"))):
        raise ValueError("a part of the source is not in its folder, so no digest has it")
    return {
        "source_schema": SCHEMA,
        "source": digest_of(digest_files(directory)),
        "installed": digest_of(_installed()),
        "day": date.today().isoformat() if _writes_dates(directory) else "",
    }


def _is_linked_folder(path: Path) -> bool:
    """Whether transformers finds files there that `digest_files` does not follow to."""
    return path.is_symlink() and path.is_dir()


def _installed() -> list[tuple[str, str]]:
    """Every distribution with its version: beside torch, tokenizers and safetensors transformers
    uses what it finds (kernels, template engines, slow tokenizers).
    """
    return sorted({(str(one.name), str(one.version)) for one in distributions()})


def _writes_dates(directory: Path) -> bool:
    """Whether a chat template of the source's knows the day, which the reference's need not tell.

    A reference that was built with the date of that day in its template is right for a day alone.
    """
    paths = (path for path in directory.rglob("*") if path.suffix in _TEMPLATES and path.is_file())
    return any(_NOW in path.read_bytes() for path in paths)


def _plain_questions(asked: Questions) -> dict[str, Any]:
    """Questions as JSON types, the folder's place aside; a reply's times decide nothing."""
    choosing = [asdict(one) | {"reply": plain_reply(one.reply)} for one in asked.choosing]
    plain = asdict(asked) | {"choosing": choosing}
    del plain["directory"]
    return plain


def _digest_logits(several: Sequence[Logits]) -> str:
    """Digest of every bit, NaN included, and of the shapes."""
    found = hashlib.sha256()
    for logits in several:
        found.update(repr((logits.shape, logits.dtype.str)).encode())
        found.update(logits.tobytes())
    return f"sha256:{found.hexdigest()}"


def _plain_answers(found: SourceFacts | SourceLengths) -> dict[str, Any]:
    """Answers as JSON types; none where some were not given."""
    if isinstance(found, SourceFacts):
        return {name: getattr(found, name) for name in _FACTS}
    return {} if found.left_out else {"distances": list(found.distances.items())}


def _restored_facts(asked: Questions, content: Mapping[str, Any]) -> SourceFacts:
    answers = content["answers"]
    given = {name: _frozen(answers[name]) for name in _FACTS}
    return SourceFacts(asked, **given, kept_from=str(content["asked_at"]))


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _restored_lengths(asked: Sequence[Passage], content: Mapping[str, Any]) -> SourceLengths:
    distances = {int(length): float(away) for length, away in content["answers"]["distances"]}
    if [*distances] != [len(passage.token_ids) for passage in asked]:
        raise ValueError("kept distances are of other lengths than those asked")
    return SourceLengths(distances, kept_from=str(content["asked_at"]))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _touch(path: Path) -> None:
    with suppress(OSError):
        path.touch()  # when it was last used
