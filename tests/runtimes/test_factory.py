import pytest

from harness.errors import ConfigError, InfrastructureError
from harness.runtimes.factory import make_runtime
from harness.runtimes.scripted import Scripted


def test_a_runtime_is_made_by_its_name():
    assert isinstance(make_runtime("harness.runtimes.scripted:Scripted"), Scripted)


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("harness.nowhere:Runtime", "ModuleNotFoundError: No module named 'harness.nowhere'"),
        ("harness.runtimes.scripted:Nothing", "AttributeError: "),
        ("harness.runtimes.scripted:END", "TypeError: 'int' object is not callable"),
    ],
)
def test_a_factory_that_makes_nothing_is_refused_by_name(factory, reason):
    with pytest.raises(ConfigError) as raised:
        make_runtime(factory)
    assert str(raised.value).startswith(f"[runtime] factory {factory!r} cannot be made: {reason}")


def test_what_a_factory_says_of_this_machine_is_passed_on(monkeypatch):
    def without_engine():
        raise InfrastructureError("no engine")

    monkeypatch.setattr("harness.runtimes.scripted.Scripted", without_engine)
    with pytest.raises(InfrastructureError, match="no engine"):
        make_runtime("harness.runtimes.scripted:Scripted")
