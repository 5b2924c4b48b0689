"""Control groups of both versions, as folders of files."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.probes.cgroup import memory_room_bytes, processor_quota

STAT = "anon 5\nactive_file 30\ninactive_file 20\ntotal_active_file 3\ntotal_inactive_file 4\n"


def groups(folder: Path, membership: str, files: Mapping[str, str]) -> tuple[Path, Path]:
    """The root and the membership of a process, which is in the groups that it names."""
    for name, text in files.items():
        path = folder / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    (folder / "cgroup").write_text(membership)
    return folder / "root", folder / "cgroup"


@pytest.mark.parametrize(
    ("membership", "files", "room"),
    [
        ("0::/\n", {"memory.max": "1000", "memory.current": "400", "memory.stat": STAT}, 650),
        ("0::/\n", {"memory.max": "1000", "memory.current": "400"}, 600),
        ("0::/\n", {"memory.max": "max", "memory.current": "400"}, None),
        ("0::/not/shown\n", {"memory.max": "1000", "memory.current": "1400"}, 0),
        (
            "0::/a/b\n",
            {
                "a/memory.max": "900",
                "a/memory.current": "800",
                "a/b/memory.max": "500",
                "a/b/memory.current": "100",
            },
            100,
        ),
        (
            "2:cpuset:/\n4:memory:/a\n0::/\n",
            {
                "memory/a/memory.limit_in_bytes": "500",
                "memory/a/memory.usage_in_bytes": "100",
                "memory/a/memory.stat": STAT,
                "memory/memory.limit_in_bytes": "9223372036854771712",
                "memory/memory.usage_in_bytes": "100",
            },
            407,
        ),
        ("3:cpu:/\n", {"memory/memory.limit_in_bytes": "500"}, None),
        ("", {}, None),
    ],
)
def test_room_is_what_the_tightest_group_leaves(
    tmp_path: Path, membership: str, files: Mapping[str, str], room: int | None
) -> None:
    assert memory_room_bytes(*groups(tmp_path, membership, files)) == room


@pytest.mark.parametrize(
    ("membership", "files", "quota"),
    [
        ("0::/\n", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/a\n", {"cpu.max": "150000 100000", "a/cpu.max": "400000 100000"}, 1.5),
        (
            "1:cpu,cpuacct:/a\n",
            {"cpu/a/cpu.cfs_quota_us": "200000", "cpu/a/cpu.cfs_period_us": "100000"},
            2.0,
        ),
        (
            "1:cpu,cpuacct:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
        ),
        ("", {}, None),
    ],
)
def test_the_quota_is_that_of_the_tightest_group(
    tmp_path: Path, membership: str, files: Mapping[str, str], quota: float | None
) -> None:
    assert processor_quota(*groups(tmp_path, membership, files)) == quota


def test_a_system_without_groups_limits_nothing(tmp_path: Path) -> None:
    nowhere = (tmp_path / "root", tmp_path / "cgroup")
    assert memory_room_bytes(*nowhere) is None
    assert processor_quota(*nowhere) is None
