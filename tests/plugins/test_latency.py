"""Real sessions of the latency suite on runtimes with made-up clocks: what is refused, and why."""

import re
from dataclasses import replace
from pathlib import Path

from tests.damage import set_threads
from tests.plugins.slowness import LOADS

GATE = Path(__file__).parents[2] / "fixtures" / "policies" / "gate.toml"
REFUSED = {
    "late-first-little": "latency.ttft_p95",
    "dear-end-little": "latency.late",
    "tiring-little": "latency.drift",
    "stuttering-little": "latency.itl_p99",
    "stalling-little": "latency.stalls",
    "dear-rest": "latency.total",
    "threads": "latency.thread_settings",
}
"""The lesser of two sizes of each way: what refuses it refuses the greater."""

HARM = {
    "latency.ttft_p95": "some first tokens come late",
    "latency.late": "the longer an answer, the dearer its tokens",
    "latency.drift": "it gets slower while it is used",
    "latency.itl_p99": "answers stop for a moment",
    "latency.stalls": "now and then an answer stalls",
    "latency.total": "answers take longer than those of the model that it was made from",
    "latency.thread_settings": "a slow variant may hide behind more threads",
}
GOOD = ("copy", "dear-first")


def latency_alone():
    """The gate's own rules of this suite, and no others; the clocks do not mind the machine."""
    rules = re.split(r"\n(?=\[rules\.)", GATE.read_text(encoding="utf-8"))[1:]
    loads = '"latency.load', '"latency.opening'
    kept = [it for it in rules if it.startswith('[rules."latency.')]
    kept = [it for it in kept if not any(name in it for name in loads)]
    plan = "[plan]\ndisturbed_share = 1.0\nload_repetitions = 1\nkeep_reference_replies = false\n"
    return "\n".join(['required = ["latency.latency", "latency.threads"]', plan, *kept])


def test_what_is_slower_than_the_previous_release_is_refused_and_what_is_not_is_go(
    gate, monkeypatch
):
    loads = gate.folder / "loads"
    loads.mkdir()
    monkeypatch.setenv(LOADS, str(loads))
    policy = gate.folder / "latency.toml"
    policy.write_text(latency_alone(), encoding="utf-8")
    folders = {name: gate.copy("int4", name) for name in ("copy", "dear-rest")}
    suite = "suites/test_latency.py"
    ended = replace(gate, previous=gate.copy("int4", "previous")).run(
        "--policy",
        str(policy),
        suites=f"{suite}::test_latency {suite}::test_threads",
        factory="tests.plugins.slowness:Timed",
        **folders,
    )
    found = ended.report["variants"]
    assert found["copy"]["verdict"] == "GO", ended.reasons("copy")
    assert found["dear-rest"]["verdict"] == "NO-GO"
    failed = {it["rule"] for it in found["dear-rest"]["findings"] if it["outcome"] == "fail"}
    assert {"latency.total_to_baseline", "latency.itl_to_baseline"} <= failed


def test_what_users_feel_decides_and_each_kind_of_slowness_is_refused_by_name(gate, monkeypatch):
    loads = gate.folder / "loads"
    loads.mkdir()
    monkeypatch.setenv(LOADS, str(loads))
    policy = gate.folder / "latency.toml"
    policy.write_text(latency_alone(), encoding="utf-8")
    folders = {name: gate.copy("int4", name) for name in (*GOOD, *REFUSED)}
    set_threads(folders["threads"], 2)
    suite = "suites/test_latency.py"
    ended = gate.run(
        "--policy",
        str(policy),
        suites=f"{suite}::test_latency {suite}::test_threads",
        factory="tests.plugins.slowness:Timed",
        **folders,
    )
    found = ended.report["variants"]
    assert {name: found[name]["verdict"] for name in GOOD} == dict.fromkeys(GOOD, "GO")
    for name, rule in REFUSED.items():
        failed = {
            it["rule"]: it["reason"] for it in found[name]["findings"] if it["outcome"] == "fail"
        }
        assert rule in failed, (name, failed)
        assert HARM[rule] in failed[rule]
        assert found[name]["verdict"] == "NO-GO"
