"""Command-line options of the gate, turned into one frozen value at the door."""

import math
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.base_model import is_base
from harness.device import Device, Limits, Machine, limits_of
from harness.domain import read_items
from harness.durations import seconds_of
from harness.edge_case import EdgeCase, merged, replaced
from harness.errors import ConfigError
from harness.item import Item
from harness.mistakes import Mistakes
from harness.policy import Policy
from harness.probes.machine import capture_machine, usable_processors
from harness.release import Release
from harness.store import read_device, read_edge_cases, read_policy, read_release, read_sample
from harness.training import refuse_leaks
from harness.variant import Recipe, expand

SUITES = "suites"
HOME = Path(__file__).resolve().parents[2]
PARTS = ("variants", "plan", "measure", "gate", "benchmarks")
DEFAULT_RELEASE = Path("fixtures") / "travel.toml"
EDGE_CASES = Path("fixtures") / "edge_cases.toml"
DEVICES = Path("fixtures") / "devices"


@dataclass(frozen=True, slots=True)
class Settings:
    """What this session judges, by what, and where it writes.

    `text` is a sample of the domain's, empty where the release names none.
    `only` holds the variants that --only names, or every variant. `publish` is None where nothing
    may be published. `replaced_cases` names edge cases of the gate's that the release states anew.
    `device` is whose budgets count, `machine` what stands in for it, and `limits` what makes it so.
    `failures` is where prompts are kept that broke a promise once. `budget` is in seconds.
    """

    release: Release
    recipes: tuple[Recipe, ...]
    policy: Policy
    items: tuple[Item, ...]
    text: str
    only: frozenset[str]
    reports: Path
    publish: Path | None
    cache: Path
    edge_cases: tuple[EdgeCase, ...]
    replaced_cases: tuple[str, ...]
    failures: Path
    seed: int
    device: Device | None
    machine: Machine
    limits: Limits
    budget: float = math.inf


SETTINGS = pytest.StashKey[Settings]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The gate's own options, in a group of their own."""
    group = parser.getgroup("release gate", "release gate (pytest suites/)")
    add = group.addoption
    add("--release", metavar="FILE", help=f"release file (default: {DEFAULT_RELEASE.as_posix()})")
    add("--policy", metavar="FILE", help="policy to judge by (default: the release file's)")
    add(
        "--only",
        metavar="VARIANT[,VARIANT]",
        help="measure only these variants; the verdict on the release is then INCONCLUSIVE",
    )
    add(
        "--device",
        metavar="NAME|FILE",
        help="device profile whose budgets count (default: the release file's)",
    )
    add("--reports", metavar="DIR", help="where reports go (default: reports)")
    add("--publish", metavar="DIR", help="where GO packages go (default: published)")
    add("--no-publish", action="store_true", help="judge and report, publish nothing")
    add("--cache", metavar="DIR", help="where built variants are kept (default: .cache/variants)")
    add(
        "--plan",
        action="store_true",
        help="build, say what measuring takes and can decide, and end with 6",
    )
    add(
        "--budget",
        metavar="TIME",
        help="measure what fits into that, say 5m or 6h, the build not counted (default: the "
        "policy's, or all)",
    )
    add("--seed", type=int, default=0, help="seed of every random order (default: 0)")


def is_gate(config: pytest.Config) -> bool:
    """Whether this session runs suites, so that there is something to judge."""
    return SETTINGS in config.stash


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Read everything that the user wrote, before anything is collected."""
    if not _runs_suites(config) or config.option.help:
        return
    _refuse_xdist(config)
    _require_whole(config)
    try:
        config.stash[SETTINGS] = _settings(config)
    except ConfigError as error:
        raise pytest.UsageError(str(error)) from error


def _root(config: pytest.Config) -> Path:
    """Pytest's root folder where it has suites; another one (--rootdir, -c) does not matter."""
    root = config.rootpath.resolve()
    return root if (root / SUITES).is_dir() else HOME


def _runs_suites(config: pytest.Config) -> bool:
    suites = _root(config) / SUITES
    for argument in config.args:
        path = (config.invocation_params.dir / argument.partition("::")[0]).resolve()
        if path == suites or suites in path.parents or path in suites.parents:
            return True
    return False


def _refuse_xdist(config: pytest.Config) -> None:
    if config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError(
            "the gate measures time, so it does not run under pytest-xdist: remove -n"
        )


def _require_whole(config: pytest.Config) -> None:
    """Without one of its plugins pytest would pass the suites and judge nothing."""
    for part in PARTS:
        name = f"harness.plugins.{part}"
        if not config.pluginmanager.has_plugin(name):
            raise pytest.UsageError(f"the gate decides nothing without {name}: remove -p no:{name}")


def _settings(config: pytest.Config) -> Settings:
    option, here, root = config.option, config.invocation_params.dir, _root(config)
    if option.seed < 0:
        raise ConfigError(f"--seed must not be negative: found {option.seed}")
    file = _path(here, option.release, root / DEFAULT_RELEASE)
    release, machine = read_release(file), capture_machine()
    cache = _path(here, option.cache, root / ".cache" / "variants")
    pack, mistakes = read_edge_cases(root / EDGE_CASES), Mistakes()
    with mistakes.gathered():
        device = _device(option.device, here, release, file.parent)
    with mistakes.gathered():
        policy = read_policy(_path(here, option.policy, release.policy.path))
        policy.require_floor(release.data.floor)
        budget = _budget(option.budget, policy)
        publish = _publish(option, policy, here, root)
    with mistakes.gathered():
        own = read_edge_cases(release.data.edge_cases) if release.data.edge_cases else ()
    with mistakes.gathered():
        text = read_sample(release.data.text) if release.data.text else ""
    with mistakes.gathered():
        only, recipes = _only(option.only, release), expand(release)
    with mistakes.gathered():
        items = read_items(release.data, not is_base(release.model))
        if release.data.calibration is not None:
            refuse_leaks(read_items(release.data.as_written), release.data.calibration)
    mistakes.refuse()
    return Settings(
        release=release,
        recipes=recipes,
        policy=policy,
        items=items,
        text=text,
        only=only,
        reports=_path(here, option.reports, root / "reports"),
        publish=publish,
        cache=cache,
        edge_cases=merged(pack, own),
        replaced_cases=replaced(pack, own),
        failures=cache.parent / "failures" / release.identity.name,
        seed=option.seed,
        device=device,
        machine=machine,
        limits=limits_of(device, machine, usable_processors()) if device else Limits(),
        budget=budget,
    )


def _publish(option: Namespace, policy: Policy, here: Path, root: Path) -> Path | None:
    """Where packages go, None where none is to be published."""
    if option.publish and not policy.publishes:
        raise ConfigError(
            "--publish needs a policy that looks at all of a release: found "
            f"{policy.name!r}, which says publishes = false: judge by gate.toml, or remove "
            "--publish"
        )
    if option.no_publish or not policy.publishes:
        return None
    return _path(here, option.publish, root / "published")


def _budget(option: str | None, policy: Policy) -> float:
    written = option or policy.plan.budget
    return seconds_of(written) if written else math.inf


def _device(option: str | None, here: Path, release: Release, beside: Path) -> Device | None:
    """The profile that --device names, or else the release file, to which its path is relative."""
    known = HOME / DEVICES
    if option:
        return read_device(option, here, known)
    return read_device(release.device.profile, beside, known) if release.device else None


def _path(here: Path, option: str | None, default: Path) -> Path:
    """What an option names from where pytest was started, without '..': engines refuse that."""
    return (here / Path(option).expanduser()).resolve() if option else default


def _only(option: str | None, release: Release) -> frozenset[str]:
    if not option:
        return frozenset(release.variants)
    names = [name.strip() for name in option.split(",")]
    for name in names:
        if name not in release.variants:
            accepted = ", ".join(release.variants)
            raise ConfigError(f"--only: the release has no variant {name!r}; it has {accepted}")
    return frozenset(names)
