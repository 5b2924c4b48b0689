"""The reference's replies on disk: what is served is what it would say again, or it is asked."""

import importlib.util
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from harness.answer import Answer, Finish
from harness.item import Item
from harness.reply import Reply
from harness.store import digest_file, digest_of, read_json, write_text

Ask = Callable[[Sequence[Item]], Sequence[Reply]]

SCHEMA = 1
_PROVEN = 3  # kept replies that are asked again before any is served
_NOT_KEPT = {"started_ns", "ended_ns", "cpu_ns", "token_ns", "logits"}
_KEPT = [it.name for it in fields(Answer) if it.name not in _NOT_KEPT]


def ingredients(digest: str, factory: str, environment: str) -> dict[str, object]:
    """What decides a variant's replies besides the item.

    The files of the variant, the runtime with the code of its module and of all the harness (which
    asks), and the environment's fingerprint, which holds hardware, threads and engine versions.
    """
    home = Path(__file__).parent
    code = {it.relative_to(home).as_posix(): digest_file(it) for it in sorted(home.rglob("*.py"))}
    return {
        "schema": SCHEMA,
        "variant": digest,
        "factory": factory,
        "runtime": _module_digest(factory.partition(":")[0]),
        "harness": digest_of(code),
        "environment": environment,
    }


def _module_digest(module: str) -> str:
    """Digest of a module's file, which is not imported; empty where there is no such file."""
    with suppress(ImportError, ValueError, OSError):
        found = importlib.util.find_spec(module)
        if found is not None and found.origin:
            return digest_file(Path(found.origin))
    return ""


class ReplyCache:
    """One variant's replies by item, in a file named by the digest of what made them.

    The file is replaced as a whole and sealed, so that it is read whole or not at all. Items are
    known by all that they hold. The first few replies are asked again each session: where one is
    not the same any more, none is served.
    """

    def __init__(self, root: Path, made_of: Mapping[str, object]) -> None:
        self._made_of = dict(made_of)
        self._path = root / f"{digest_of(self._made_of).removeprefix('sha256:')[:32]}.json"
        self._known: dict[str, Reply] = {}
        self._is_proven = False

    def replies(self, items: Sequence[Item], ask: Ask) -> tuple[Reply, ...]:
        """Replies to items in their order; what is not known yet is asked and kept."""
        keys = [digest_of(asdict(item)) for item in items]
        self._prove(items, keys, ask)
        unknown = {
            key: item for key, item in zip(keys, items, strict=True) if key not in self._known
        }
        if unknown:
            self._known.update(zip(unknown, ask(list(unknown.values())), strict=True))
            self._write()
        return tuple(self._known[key] for key in keys)

    def _prove(self, items: Sequence[Item], keys: Sequence[str], ask: Ask) -> None:
        """Read the file when it is first wanted, and keep of it nothing that a sample refutes."""
        if self._is_proven:
            return
        self._is_proven, kept = True, self._read()
        sample = [at for at, key in enumerate(keys) if key in kept][:_PROVEN]
        if not sample:
            return
        asked = dict(
            zip((keys[at] for at in sample), ask([items[at] for at in sample]), strict=True)
        )
        if all(_plain(reply) == _plain(kept[key]) for key, reply in asked.items()):
            self._known = kept
        self._known.update(asked)

    def _read(self) -> dict[str, Reply]:
        try:
            record = read_json(self._path)
            seal = record.pop("seal")
            if seal != digest_of(record) or record["made_of"] != self._made_of:
                return {}
            return {key: _reply(plain) for key, plain in record["replies"].items()}
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def _write(self) -> None:
        """Keep what is known; a disk that is full costs time later, and nothing now."""
        plain = {key: _plain(reply) for key, reply in self._known.items()}
        record = {"made_of": self._made_of, "replies": plain}
        with suppress(OSError):
            write_text(self._path, json.dumps({**record, "seal": digest_of(record)}))


def _plain(reply: Reply) -> dict[str, Any]:
    """A reply as JSON types, without its times."""
    answer = {name: _listed(getattr(reply.answer, name)) for name in _KEPT}
    return {"answer": answer, "likelihoods": list(reply.likelihoods)}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _reply(plain: Mapping[str, Any]) -> Reply:
    answer = {name: plain["answer"][name] for name in _KEPT}
    tuples = {name: tuple(it) for name, it in answer.items() if isinstance(it, list)}
    finish = Finish(answer["finish"])
    return Reply(Answer(**{**answer, **tuples, "finish": finish}), tuple(plain["likelihoods"]))
