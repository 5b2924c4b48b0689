"""The only module that reads or writes the gate's own files: atomic, canonical, digested."""

import hashlib
import importlib.util
import json
import math
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from harness.device import Device, device_of
from harness.edge_case import EdgeCase, merged
from harness.errors import ConfigError
from harness.evidence import SCHEMA, Evidence
from harness.mistakes import Mistakes, made_of_each
from harness.policy import Policy
from harness.release import (
    Data,
    DeviceChoice,
    Identity,
    ModelSource,
    PolicyChoice,
    Release,
    Role,
    RuntimeChoice,
    VariantEntry,
)
from harness.report import Report
from harness.structure import closest, structure, unstructure

LATEST = "latest"
_NAMED = 5  # keys that evidence lacks


def digest_file(path: Path) -> str:
    """The file's content as ``sha256:<hex>``."""
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()


def digest_files(directory: Path) -> dict[str, str]:
    """Digest of every file below a directory, by relative posix path, sorted."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): digest_file(path) for path in files}


def digest_of(value: object) -> str:
    """Digest of a plain value (JSON types only) in its canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: beside its place first, then renamed into it.

    Half a character, which a broken runtime may answer, is written as JSON escapes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode(errors="backslashreplace"))
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)  # gone already, unless something went wrong


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON object atomically, keys in the order given, no NaN and no infinity."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object; OSError and ValueError pass through."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path.name} holds no JSON object")
    return value


def read_release(path: Path) -> Release:
    """Read a release file; paths in it are relative to the file.

    The reference comes first, so that it is measured before all that is held against it.

    Raises ConfigError, a line for each thing that is missing, unknown or of the wrong kind.
    """
    data, mistakes = _read_toml(path, "release file"), Mistakes()
    data["identity"] = data.pop("release", {})
    variants: dict[str, VariantEntry] = {}
    for name, entry in _tables(data, "variants", path).items():
        with mistakes.gathered():
            what = f"{path.name} [variants.{name}]"
            variants[name] = structure(entry, VariantEntry, what=what, base=path.parent)
    parts = _parts(data, path, mistakes)
    mistakes.refuse()
    ordered = sorted(variants.items(), key=lambda it: it[1].role is not Role.REFERENCE)
    try:
        return Release(**parts, variants=dict(ordered))
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error}") from error


def _in_package(model: ModelSource, what: str, base: Path) -> ModelSource:
    """With the path where the package is installed."""
    found = None
    if model.package.isidentifier():  # what is inside another one would import that
        with suppress(ValueError):  # a module that says nothing of where it comes from
            found = importlib.util.find_spec(model.package)
    places = list(found.submodule_search_locations or ()) if found else []
    if not places:
        raise ConfigError(
            f"{what}: package must be installed, install it or name a path alone: "
            f"found no {model.package!r}"
        )
    try:
        inside = model.path.relative_to(base.resolve())
    except ValueError as error:
        raise ConfigError(
            f"{what}: path must be relative to the package's folder: found {model.path}"
        ) from error
    return replace(model, path=Path(places[0]) / inside)


_TABLES: dict[str, type] = {
    "identity": Identity,
    "model": ModelSource,
    "data": Data,
    "runtime": RuntimeChoice,
    "policy": PolicyChoice,
    "device": DeviceChoice,
}


def _parts(data: dict[str, Any], path: Path, mistakes: Mistakes) -> dict[str, Any]:
    """The tables of a release file but for its variants, as far as they can be used."""
    for key in data:
        if key not in _TABLES:
            accepted = "release, model, variants, data, runtime, policy, device"
            mistakes.add(f"{path.name}: unknown table [{key}]; accepted: {accepted}")
    parts: dict[str, Any] = {}
    for key, kind in _TABLES.items():
        table = "release" if key == "identity" else key
        if key in data:
            what = f"{path.name} [{table}]"
            with mistakes.gathered():
                parts[key] = structure(data[key], kind, what=what, base=path.parent)
                if isinstance(parts[key], ModelSource) and parts[key].package:
                    parts[key] = _in_package(parts[key], what, path.parent)
        elif key in ("identity", "data", "policy"):
            mistakes.add(f"{path.name}: the table [{table}] is missing")
    return parts


def read_policy(path: Path) -> Policy:
    """Read a policy file, or raise ConfigError of one line.

    With ``extends = "other.toml"`` it is that policy, with what this file says in its place: keys
    of the plan and of each rule one by one, the list of required checks as a whole.
    """
    data = _policy_data(path, ())
    rules = [{"id": key, **rule} for key, rule in data.pop("rules", {}).items()]
    return structure({"name": path.stem, **data, "rules": rules}, Policy, what=path.name)


def _policy_data(path: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    if path in extending:
        raise ConfigError(f"{path.name} extends itself: remove one extends of the circle")
    data = _read_toml(path, "policy")
    data["rules"] = _tables(data, "rules", path)
    if "extends" not in data:
        return data
    base = data.pop("extends")
    if not isinstance(base, str):
        raise ConfigError(f"{path.name}: extends must be the path of a policy: found {base!r}")
    found = _policy_data((path.parent / base).resolve(), (*extending, path))
    for rule, keys in data.pop("rules").items():
        found["rules"][rule] = {**found["rules"].get(rule, {}), **keys}
    plan = data.pop("plan", {})
    if isinstance(plan, dict):
        plan = {**found.get("plan", {}), **plan}
    return {**found, **data, "plan": plan}


def read_device(profile: str, base: Path, known: Path) -> Device:
    """A device profile: one of those in the folder `known` by name, or a file (``x.toml``).

    With ``extends`` it is that profile, with what this file says in its place; paths are relative
    to `base`, and in a file to that file. Raises ConfigError with a line for each mistake.
    """
    path = _profile_path(profile, base, known)
    return device_of(path.stem, _device_table(path, known, ()))


def _profile_path(profile: str, base: Path, known: Path) -> Path:
    if profile.endswith(".toml"):
        return (base / Path(profile).expanduser()).resolve()
    names = sorted(path.stem for path in known.glob("*.toml"))
    if profile in names:
        return known / f"{profile}.toml"
    raise ConfigError(
        f"no device profile {profile!r}{closest(profile, names)}; there are {', '.join(names)}, "
        "or the path of an own file that ends in .toml"
    )


def _device_table(path: Path, known: Path, extending: tuple[Path, ...]) -> dict[str, Any]:
    if path in extending:
        raise ConfigError(f"{path.name} extends itself: remove one extends of the circle")
    table = _read_toml(path, "device profile")
    if "extends" not in table:
        return table
    base = table.pop("extends")
    if not isinstance(base, str):
        raise ConfigError(f"{path.name}: extends must be the name or path of a profile: {base!r}")
    found = _device_table(_profile_path(base, path.parent, known), known, (*extending, path))
    below, above = found.get("budgets"), table.get("budgets", {})
    if isinstance(below, dict) and isinstance(above, dict):
        table["budgets"] = {**below, **above}
    return {**found, **table}


def read_sample(path: Path) -> str:
    """Read a plain text of the domain, or raise ConfigError of one line."""
    text = _read(path, "domain text")
    if not text.strip():
        raise ConfigError(f"{path.name} is empty: give a text of the domain, or leave it out")
    return text


def read_edge_cases(*paths: Path) -> tuple[EdgeCase, ...]:
    """Read packs of edge cases into one, or raise ConfigError of one line.

    Of two cases of one name the later pack's counts.
    """
    return merged(*map(_read_pack, paths))


def _read_pack(path: Path) -> tuple[EdgeCase, ...]:
    cases = _tables(_read_toml(path, "pack of edge cases"), "cases", path)
    if not cases:
        raise ConfigError(f"{path.name} has no [cases.<name>]: there is nothing to try")

    def read(named: tuple[str, dict[str, Any]]) -> EdgeCase:
        name, case = named
        return structure({"name": name, **case}, EdgeCase, what=f"{path.name} [cases.{name}]")

    return tuple(made_of_each(cases.items(), read))


def write_evidence(path: Path, evidence: Evidence) -> None:
    """Write evidence as JSON, raw values and all."""
    write_json(path, unstructure(evidence))


def write_report(path: Path, report: Report) -> None:
    """Write a report as JSON; what is unbounded or was not computed is null."""
    write_json(path, {"schema": report.schema, **_finite(unstructure(report))})


def forget_latest(reports: Path) -> None:
    """Remove the newest run's copy of its report: a run that is killed must not seem to be GO."""
    if (reports / LATEST).is_symlink():
        (reports / LATEST).unlink()
    shutil.rmtree(reports / LATEST, ignore_errors=True)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_evidence(path: Path) -> Evidence:
    """Read stored evidence; ConfigError when it is not of this schema."""
    try:
        data = read_json(path)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not readable as evidence: {error}") from error
    if data.get("schema") != SCHEMA:
        raise ConfigError(
            f"{path.name} has schema {data.get('schema')!r}, expected {SCHEMA}: measure again"
        )
    evidence = structure(data, Evidence, what=path.name)
    if lacking := list(_lacking(unstructure(evidence), data)):
        raise ConfigError(
            f"{path.name} lacks {', '.join(lacking[:_NAMED])}, which every session writes: what is "
            "not there must not read as fine; measure again"
        )
    references = [name for name, it in evidence.subjects.items() if it.role is Role.REFERENCE]
    if len(references) != 1:
        found = ", ".join(references) or "none"
        raise ConfigError(
            f"{path.name} must have one variant with the role 'reference': found {found}"
        )
    return evidence


def _lacking(written: Any, found: Any, place: str = "") -> Iterator[str]:
    """Keys that a writer writes and that are not there, by their places."""
    if isinstance(written, dict):
        for key, inner in written.items():
            if key in found:
                yield from _lacking(inner, found[key], f"{place}.{key}" if place else key)
            else:
                yield f"{place}.{key}" if place else key
    elif isinstance(written, list | tuple):
        for number, (inner, other) in enumerate(zip(written, found, strict=True)):
            yield from _lacking(inner, other, f"{place}[{number}]")


def _tables(data: dict[str, Any], key: str, path: Path) -> dict[str, dict[str, Any]]:
    """Take the tables ``[key.<name>]`` out of a file's content, by name."""
    tables = data.pop(key, {})
    if not isinstance(tables, dict):
        raise ConfigError(f"{path.name}: expected tables [{key}.<name>], found {key} = {tables!r}")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{path.name} [{key}.{name}]: expected a table, found {table!r}")
    return tables


def _read(path: Path, what: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
    except OSError as error:
        raise ConfigError(f"the {what} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"the {what} {path} is not UTF-8: {error}") from error


def _read_toml(path: Path, what: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_read(path, what))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the {what} {path.name} is not TOML: {error}") from error
