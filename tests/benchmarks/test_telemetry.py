"""Nothing is sent to anyone: engine processes that live long open no socket, and write nothing."""

import time
from pathlib import Path

import psutil
import pytest

from harness.answer import Request
from harness.release import FOUNDRY_LOCAL, ONNXRUNTIME_GENAI
from harness.runtimes import child
from harness.runtimes.isolated import Isolated

LIFE_SECONDS = 14  # the engine looks its telemetry host up after nine
ASKED = Request(messages=(("user", "Code of Lisbon airport?"),), max_new_tokens=8)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """What is the user's own, for processes that are started from now on."""
    for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    return tmp_path


def watched(factory: str, directory: Path, home: Path) -> tuple[set[str], set[str]]:
    """Sockets that the process opens in its life, and files that it leaves behind in `home`."""
    sockets, files = set(), set()
    with Isolated(factory, directory) as runtime:
        runtime.start()
        [process] = [it for it in psutil.Process().children() if "worker" in " ".join(it.cmdline())]
        until = time.monotonic() + LIFE_SECONDS
        while time.monotonic() < until:
            runtime.run([ASKED])
            found = process.net_connections(kind="inet")
            sockets |= {f"{it.type.name} to {it.raddr or it.laddr}" for it in found}
            files |= {str(it.relative_to(home)) for it in home.rglob("*") if it.is_file()}
    return sockets, files


def outside(files: set[str]) -> set[str]:
    """Without what is the gate's own scratch, or Foundry Local's own cache that we gave it."""
    return {it for it in files if not it.startswith(("tmpdir/gate-", "tmpdir/foundry-"))}


@pytest.mark.parametrize("factory", [ONNXRUNTIME_GENAI, FOUNDRY_LOCAL])
def test_a_long_lived_engine_opens_no_socket_and_writes_nothing(factory, embedded, home, show):
    sockets, files = watched(factory, embedded["int4"], home)
    show(f"{factory}: {len(sockets)} sockets, {len(outside(files))} files in {LIFE_SECONDS} s")
    assert sockets == set()
    assert outside(files) == set()


def test_what_is_watched_shows_an_engine_that_is_not_told_to_be_silent(
    embedded, home, monkeypatch, show
):
    told = child._environment

    def untold() -> dict[str, str]:
        return {name: it for name, it in told().items() if name != "ORT_DISABLE_TELEMETRY"}

    monkeypatch.setattr(child, "_environment", untold)
    monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
    sockets, files = watched(ONNXRUNTIME_GENAI, embedded["int4"], home)
    show(f"untold: {sockets or 'no sockets'}, {sorted(outside(files))}")
    assert sockets or outside(files)
