"""The reference's replies on disk: what is served is what it would say again, or it is asked."""

import importlib.util
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from harness.answer import Answer, Finish
from harness.item import Item
from harness.reply import Reply
from harness.sealed import read_sealed, sealed_path, write_sealed
from harness.store import digest_file, digest_of

Ask = Callable[[Sequence[Item]], Sequence[Reply]]

SCHEMA = 3
_PROVEN = 3  # kept replies that are asked again before any is served
_FIRST = 32  # items that say how long one takes
_KEPT_SECONDS = 10.0  # of asking are lost where a session is killed
_NOT_KEPT = {"started_ns", "ended_ns", "cpu_ns", "token_ns", "logits"}
_OF_CHOICES = ("likelihoods", "choice_tokens")
_KEPT = [it.name for it in fields(Answer) if it.name not in _NOT_KEPT]


def ingredients(
    digest: str, factory: str, environment: str, is_chat: bool = True
) -> dict[str, object]:
    """What decides a variant's replies besides the item.

    The files of the variant, the runtime with the code of its module and of all the harness (which
    asks), the environment's fingerprint, which holds hardware, threads and engine versions, and
    whether items are asked in chats or as plain text.
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
        "chat": is_chat,
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
    known by all that they hold, so that several banks share one file. Of each earlier session's
    replies the first few that are wanted are asked again: where one is not the same any more, none
    of that session is served. What is asked is kept while it is asked, for a session may be
    interrupted.
    """

    def __init__(self, root: Path, made_of: Mapping[str, object]) -> None:
        self._made_of = dict(made_of)
        self._path = sealed_path(root, self._made_of)
        self._known: dict[str, Reply] = {}
        self._unproven: dict[str, Reply] = {}
        self._sessions: dict[str, str] = {}  # who asked for each of them
        self._session = secrets.token_hex(8)
        self._is_read = False

    def replies(self, items: Sequence[Item], ask: Ask) -> tuple[Reply, ...]:
        """Replies to items in their order; what is not known yet is asked and kept."""
        keys = list(map(_key, items))
        wanted = dict(zip(keys, items, strict=True))
        self._prove(wanted, ask)
        unknown = [key for key in wanted if key not in self._known]
        if unknown:
            self._ask(unknown, wanted, ask)
        return tuple(self._known[key] for key in keys)

    def kept(self, items: Sequence[Item]) -> dict[int, Reply]:
        """What is kept of these items, by their position, proven or not: to know what is to come,
        and for no verdict.
        """
        self._read_once()
        keys = list(map(_key, items))
        every = {**self._unproven, **self._known}
        return {at: every[key] for at, key in enumerate(keys) if key in every}

    def _ask(self, keys: Sequence[str], items: Mapping[str, Item], ask: Ask) -> None:
        """In batches, each kept at once, and large ones, for many are shared among processes."""
        start, size = 0, _FIRST
        while start < len(keys):
            batch, began = keys[start : start + size], time.monotonic()
            given = ask([items[key] for key in batch])
            self._known.update(zip(batch, given, strict=True))
            self._write()
            start += size
            seconds = time.monotonic() - began
            size = max(_FIRST, int(size * _KEPT_SECONDS / max(seconds, 1e-3)))

    def _prove(self, items: Mapping[str, Item], ask: Ask) -> None:
        """Read the file when it is first wanted, and serve of it nothing that a sample refutes.

        What sessions left of other items alone stays unproven, and stays in the file.
        """
        self._read_once()
        wanted: dict[str, list[str]] = {}
        for key in items:
            if key in self._unproven:
                wanted.setdefault(self._sessions[key], []).append(key)
        for session, keys in wanted.items():
            self._prove_session(session, keys[:_PROVEN], items, ask)

    def _prove_session(
        self, session: str, sample: Sequence[str], items: Mapping[str, Item], ask: Ask
    ) -> None:
        asked = dict(zip(sample, ask([items[key] for key in sample]), strict=True))
        its = [key for key in self._unproven if self._sessions[key] == session]
        kept = {key: self._unproven.pop(key) for key in its}
        if all(plain_reply(reply) == plain_reply(kept[key]) for key, reply in asked.items()):
            with suppress(OSError):
                self._path.touch()  # when it was last used
            self._known.update(kept)
        self._known.update(asked)

    def _read_once(self) -> None:
        if not self._is_read:
            self._is_read = True
            self._read()

    def _read(self) -> None:
        record = read_sealed(self._path, self._made_of)
        if record is None:
            return
        with suppress(ValueError, KeyError, TypeError):
            found = {key: _reply(plain) for key, plain in record["replies"].items()}
            self._sessions = {key: str(record["sessions"][key]) for key in found}
            self._unproven = found

    def _write(self) -> None:
        """Keep what is known; a disk that is full costs time later, and nothing now."""
        every = {**self._unproven, **self._known}
        content = {
            "replies": {key: plain_reply(reply) for key, reply in every.items()},
            "sessions": {key: self._sessions.get(key, self._session) for key in every},
        }
        write_sealed(self._path, self._made_of, content)


def plain_reply(reply: Reply) -> dict[str, Any]:
    """A reply as JSON types, without its times."""
    answer = {name: _listed(getattr(reply.answer, name)) for name in _KEPT}
    return {"answer": answer, **{name: list(getattr(reply, name)) for name in _OF_CHOICES}}


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _reply(plain: Mapping[str, Any]) -> Reply:
    answer = {name: plain["answer"][name] for name in _KEPT}
    tuples = {name: tuple(it) for name, it in answer.items() if isinstance(it, list)}
    finish = Finish(answer["finish"])
    scored = {name: tuple(plain[name]) for name in _OF_CHOICES}
    return Reply(Answer(**{**answer, **tuples, "finish": finish}), **scored)


def _key(item: Item) -> str:
    """Of all that is asked and judged; how often a guess is right depends on the other items."""
    return digest_of({name: it for name, it in asdict(item).items() if name != "chance"})
