import json
import math
import re
from pathlib import Path

import pytest

from harness import store
from harness.asking import Ask, Format, Normalize
from harness.conditions import Conditions
from harness.environment import Environment
from harness.errors import ConfigError
from harness.evidence import Check, CheckOutcome, Evidence, Subject
from harness.finding import Finding, Outcome
from harness.measurement import Measurement
from harness.policy import Severity
from harness.release import Algorithm, Identity, Precision, Role
from harness.report import Report, VariantReport
from harness.statistic import Statistic
from harness.variant import Quantization
from harness.verdict import Decision
from tests.conftest import ROOT

RELEASE = """
[release]
name = "travel"
version = 3
[model]
path = "checkpoint"
[variants.fp32]
precision = "fp32"
role = "reference"
[variants.int4]
precision = "int4"
algorithm = "k_quant"
[data]
domain = "eval.jsonl"
[policy]
path = "gate.toml"
"""


@pytest.fixture
def write(tmp_path):
    def write(text, name="release.toml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_release_file_is_read_with_paths_relative_to_it(write, tmp_path):
    release = store.read_release(write(RELEASE))
    assert release.identity == Identity("travel", 3)
    assert release.model.path == tmp_path / "checkpoint"
    assert release.variants["int4"].algorithm is Algorithm.K_QUANT
    assert release.candidates == ("int4",)
    assert release.reference == "fp32"


def test_a_mark_before_the_text_is_no_mistake(write):
    assert store.read_release(write(f"\ufeff{RELEASE}")).reference == "fp32"


def test_a_release_may_state_the_context_of_its_packages(write):
    shorter = RELEASE.replace('path = "checkpoint"', 'path = "checkpoint"\ncontext_tokens = 4096')
    assert store.read_release(write(shorter)).model.context_tokens == 4096
    assert store.read_release(write(RELEASE)).model.context_tokens is None


def test_a_model_can_be_in_an_installed_package(write):
    inside = RELEASE.replace('path = "checkpoint"', 'package = "pytest"\npath = "parts/model.gguf"')
    found = store.read_release(write(inside)).model.path
    assert found == Path(pytest.__file__).parent / "parts" / "model.gguf"


@pytest.mark.parametrize(
    ("package", "path", "said"),
    [
        ("no_such_package", "a.gguf", "package must be installed.*found no 'no_such_package'"),
        ("os.path", "a.gguf", "package must be installed.*found no 'os.path'"),
        ("json.decoder", "a.gguf", "found no 'json.decoder'"),
        ("__main__", "a.gguf", "found no '__main__'"),
        ("pytest", "/a.gguf", "path must be relative to the package's folder"),
    ],
)
def test_a_package_that_is_not_there_or_no_place_in_it_is_refused(write, package, path, said):
    text = RELEASE.replace('path = "checkpoint"', f'package = "{package}"\npath = "{path}"')
    with pytest.raises(ConfigError, match=said):
        store.read_release(write(text))


def test_the_reference_comes_first_wherever_it_stands(write):
    first = '[variants.int8]\nprecision = "int8"\n[variants.fp32]'
    release = store.read_release(write(RELEASE.replace("[variants.fp32]", first)))
    assert list(release.variants) == ["fp32", "int8", "int4"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ('algorithm = "k_quant"', "blok_size = 32"),
            "release.toml [variants.int4]: unknown key 'blok_size' (did you mean 'block_size'?); "
            "accepted: precision, role, algorithm, stage, block_size, symmetric, accuracy_level, "
            "provider, prebuilt",
        ),
        (
            ('precision = "int4"', 'precision = "int5"'),
            "release.toml [variants.int4]: precision: 'int5' is not accepted "
            "(did you mean 'int8'?); accepted: fp32, fp16, int8, int4",
        ),
        (("version = 3", "version = 1.5"), "version: expected a whole number, found a number 1.5"),
        (("version = 3", 'version = "3"'), "version: expected a whole number, found text '3'"),
        (
            ('path = "checkpoint"', 'path = "checkpoint"\ncontext_tokens = "4k"'),
            "release.toml [model]: context_tokens: expected a whole number, found text '4k'",
        ),
        (
            ('path = "checkpoint"', 'path = "checkpoint"\ncontext_tokens = 512'),
            "[model] context_tokens must be over 2,048",
        ),
        (("version = 3", "version = -1"), "[release] version must not be negative: found -1"),
        (('name = "travel"', 'name = "tra vel"'), "found 'tra vel'"),
        (('role = "reference"', ""), "exactly one must have role = 'reference': found none"),
        (("[variants.int4]", '[variants.int4]\nrole = "baseline"'), "no candidate"),
        (('[data]\ndomain = "eval.jsonl"', ""), "the table [data] is missing"),
        (
            ("[data]", "[dataa]\n[data]"),
            "unknown table [dataa]; accepted: release, model, variants",
        ),
        (("[policy]", "[policy"), "is not TOML"),
        (('domain = "eval.jsonl"', ""), "the key 'domain' is missing"),
    ],
)
def test_a_mistake_in_a_release_file_is_one_line_that_names_it(write, change, message):
    path = write(RELEASE.replace(*change))
    with pytest.raises(ConfigError) as raised:
        store.read_release(path)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_release_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"the release file .*nope\.toml cannot be read"):
        store.read_release(tmp_path / "nope.toml")


POLICY = """
required = ["latency.latency"]
[plan]
latency_pairs = 10
[rules."latency.itl"]
subject = "ITL"
metric = "latency.itl"
statistic = "ratio"
at_most = 1.1
precision = { int4 = { at_most = 1.5 } }
"""


def test_a_policy_is_read_with_its_rules(write):
    policy = store.read_policy(write(POLICY, "strict.toml"))
    rule = policy.rules[0]
    assert (policy.name, policy.plan.latency_pairs) == ("strict", 10)
    assert (rule.id, rule.statistic, rule.severity) == (
        "latency.itl",
        Statistic.RATIO,
        Severity.CRITICAL,
    )
    assert rule.limit(Precision.INT4).value == 1.5
    assert rule.limit(Precision.INT8).value == 1.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"ratio"', '"ration"'), "'ration' is not accepted (did you mean 'ratio'?)"),
        (("at_most = 1.1", ""), "a limit needs exactly one of at_most and at_least"),
        (("at_most = 1.1", "at_most = 1.1\nat_least = 1.0"), "exactly one"),
        (("at_most = 1.1", 'at_most = "1.1"'), "expected a number"),
        (("latency_pairs", "latency_pear"), "unknown key 'latency_pear'"),
        (('required = ["latency.latency"]', "rules.other = 3"), "[rules.other]: expected a table"),
    ],
)
def test_a_mistake_in_a_policy_is_one_line_that_names_it(write, change, message):
    with pytest.raises(ConfigError) as raised:
        store.read_policy(write(POLICY.replace(*change)))
    assert message in str(raised.value)


EXTENSION = """
extends = "strict.toml"
[plan]
memory_cycles = 7
[rules."latency.itl"]
at_most = 2.0
[rules."latency.rate"]
subject = "rate"
metric = "latency.rate"
statistic = "median"
severity = "info"
"""


def test_a_policy_may_say_only_how_it_differs_from_another(write):
    write(POLICY, "strict.toml")
    policy = store.read_policy(write(EXTENSION, "brief.toml"))
    assert (policy.name, policy.required) == ("brief", ("latency.latency",))
    assert (policy.plan.latency_pairs, policy.plan.memory_cycles) == (10, 7)
    assert [rule.id for rule in policy.rules] == ["latency.itl", "latency.rate"]
    assert policy.rules[0].limit(None).value == 2.0
    assert policy.rules[0].limit(Precision.INT4).value == 1.5


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ('"brief.toml"', "brief.toml extends itself"),
        ('"nowhere.toml"', "nowhere.toml cannot be read"),
        ("3", "extends must be the path of a policy: found 3"),
    ],
)
def test_a_policy_that_extends_what_is_not_there_is_refused(write, base, message):
    with pytest.raises(ConfigError, match=message):
        store.read_policy(write(EXTENSION.replace('"strict.toml"', base), "brief.toml"))


@pytest.mark.parametrize("read", [store.read_release, store.read_policy, store.read_edge_cases])
def test_a_value_in_the_place_of_named_tables_is_refused(write, read):
    path = write("variants = 3\nrules = 3\ncases = 3", "wrong.toml")
    with pytest.raises(ConfigError, match=r"wrong\.toml: expected tables \[\w+\.<name>\]"):
        read(path)


def test_evidence_comes_back_as_it_was_written(tmp_path):
    evidence = Evidence(
        release="travel:1",
        subjects={
            "fp32": Subject(Role.REFERENCE, Precision.FP32, digest="sha256:1"),
            "int4": Subject(Role.CANDIDATE, None, quantization=(Quantization(4, 32, 4, True, 9),)),
        },
        environment="sha256:2",
        checks=(Check("latency", "latency", "int4", CheckOutcome.CRASHED, "SIGSEGV"),),
        measurements=(
            Measurement("latency", "latency.itl", "int4", "ms", (1.0, 2.5), "e", (1.0, 2.0)),
        ),
        trouble=("interrupted",),
        conditions=(Conditions(1.5, 2, governor="powersave"), Conditions(2.5, 2, 0.25)),
    )
    store.write_evidence(tmp_path / "evidence.json", evidence)
    assert store.read_evidence(tmp_path / "evidence.json") == evidence


@pytest.mark.parametrize("place", ["trouble", "device", "checks[0].reason"])
def test_evidence_from_which_something_was_taken_is_refused(tmp_path, place):
    path = tmp_path / "evidence.json"
    subjects = {"fp32": Subject(Role.REFERENCE, None)}
    checks = (Check("latency", "latency", "fp32", CheckOutcome.MEASURED),)
    store.write_evidence(path, Evidence("travel:1", subjects, "here", checks))
    data = json.loads(path.read_text())
    del (data["checks"][0] if "." in place else data)[place.partition(".")[2] or place]
    path.write_text(json.dumps(data))
    with pytest.raises(ConfigError, match=rf"lacks {re.escape(place)}, which every session"):
        store.read_evidence(path)


def test_a_link_to_the_newest_report_is_removed_too(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / store.LATEST).symlink_to(tmp_path / "run")
    store.forget_latest(tmp_path)
    assert not (tmp_path / store.LATEST).exists()
    assert (tmp_path / "run").exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}'])
def test_evidence_of_another_kind_is_refused(write, text):
    with pytest.raises(ConfigError):
        store.read_evidence(write(text, "evidence.json"))


@pytest.mark.parametrize("roles", [(), (Role.CANDIDATE,), (Role.REFERENCE, Role.REFERENCE)])
def test_evidence_without_its_one_reference_is_refused(tmp_path, roles):
    subjects = {f"v{n}": Subject(role, None) for n, role in enumerate(roles)}
    store.write_evidence(tmp_path / "evidence.json", Evidence("travel:1", subjects, "here"))
    with pytest.raises(ConfigError, match="must have one variant with the role 'reference'"):
        store.read_evidence(tmp_path / "evidence.json")


def test_a_report_has_the_fields_of_its_contract_and_null_for_what_is_unbounded(tmp_path):
    finding = Finding(
        "latency.itl",
        "latency",
        Severity.CRITICAL,
        Outcome.INCONCLUSIVE,
        "too few",
        math.nan,
        (-math.inf, 2.0),
        1.05,
        "ratio",
    )
    variants = {
        "int4": VariantReport(Role.CANDIDATE, Decision.INCONCLUSIVE, "sha256:1", 5, (finding,))
    }
    environment = Environment("x", 2, 1, "Linux", "3.11", ())
    report = Report(Identity("travel", 1), "gate", Decision.INCONCLUSIVE, environment, variants)
    store.write_report(tmp_path / "report.json", report)
    written = json.loads((tmp_path / "report.json").read_text())
    assert next(iter(written)) == "schema"
    assert written["verdict"] == "INCONCLUSIVE"
    assert written["variants"]["int4"]["findings"] == [
        {
            "rule": "latency.itl",
            "suite": "latency",
            "severity": "critical",
            "outcome": "inconclusive",
            "reason": "too few",
            "measured": None,
            "interval": [None, 2.0],
            "limit": 1.05,
            "unit": "ratio",
        }
    ]


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "report.json"
    store.write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="Out of range"):
        store.write_json(path, {"a": math.nan})
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError):
        store.write_text(tmp_path / "folder", "x")
    assert store.read_json(path) == {"a": 1}
    assert {it.name for it in tmp_path.iterdir()} == {"report.json", "folder"}


def test_half_a_character_in_an_answer_loses_no_report(tmp_path):
    store.write_json(tmp_path / "report.json", {"text": "a\ud83d"})
    assert store.read_json(tmp_path / "report.json") == {"text": "a\ud83d"}


def test_the_digest_of_a_folder_sees_content_and_names(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a").write_bytes(b"1")
    before = store.digest_files(tmp_path)
    assert list(before) == ["sub/a"]
    (tmp_path / "sub" / "a").write_bytes(b"2")
    assert store.digest_files(tmp_path) != before


def test_a_text_of_the_domain_is_read_whole_and_must_say_something(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("Zürich\n\nRome\n", encoding="utf-8")
    assert store.read_sample(path) == "Zürich\n\nRome\n"
    path.write_text(" \n")
    with pytest.raises(ConfigError, match=r"text\.txt is empty"):
        store.read_sample(path)
    with pytest.raises(ConfigError, match=r"the domain text .* cannot be read"):
        store.read_sample(tmp_path / "none.txt")


def test_a_release_names_its_device(write):
    assert store.read_release(write(RELEASE)).device is None
    release = store.read_release(write(RELEASE + '[device]\nprofile = "laptop-8gb"\n'))
    assert release.device.profile == "laptop-8gb"
    with pytest.raises(ConfigError, match=r"\[device\]: the key 'profile' is missing"):
        store.read_release(write(RELEASE + "[device]\n"))


def test_a_release_states_the_share_of_right_answers_that_it_demands(write):
    assert store.read_release(write(RELEASE)).data.floor is None
    stated = RELEASE.replace("[data]\n", "[data]\nfloor = 0.8\n")
    assert store.read_release(write(stated)).data.floor == 0.8
    with pytest.raises(ConfigError, match=r"\[data\]: .*floor is the share .* found 80$"):
        store.read_release(write(stated.replace("0.8", "80")))


def test_the_travel_release_demands_a_floor():
    for name in ("travel", "nightly"):
        assert store.read_release(ROOT / "fixtures" / f"{name}.toml").data.floor == 0.8


def test_a_release_says_in_which_format_its_bank_is_and_how_it_is_asked(write, tmp_path):
    more = """[data]
format = "arc"
ask = "letter"
normalize = "token"
shots = 2
shots_from = "train.jsonl"
labels = "valid.lst"
system = "Answer."
"""
    data = store.read_release(write(RELEASE.replace("[data]\n", more))).data
    assert (data.format, data.ask, data.normalize) == (Format.ARC, Ask.LETTER, Normalize.TOKEN)
    assert (data.shots, data.system) == (2, "Answer.")
    assert (data.shots_from, data.labels) == (tmp_path / "train.jsonl", tmp_path / "valid.lst")
    with pytest.raises(ConfigError, match=r"ask: 'leter' is not accepted .*did you mean 'letter'"):
        store.read_release(write(RELEASE.replace("[data]\n", '[data]\nask = "leter"\n')))


def test_all_mistakes_of_a_release_file_are_told_at_once(write):
    text = RELEASE.replace("version = 3", 'version = "3"').replace("[policy]", "[polciy]")
    with pytest.raises(ConfigError) as raised:
        store.read_release(write(text))
    lines = str(raised.value).splitlines()
    assert [line.partition(": ")[2].partition(":")[0] for line in lines] == [
        "unknown table [polciy]; accepted",
        "version",
        "the table [policy] is missing",
    ]
