"""With CI set a test that is skipped is a failure, but for those of the one optional package."""

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.fixture
def outcome(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Any:
    """What conftest makes of a skipped test with some markers, in CI."""
    monkeypatch.setenv("CI", "1")
    (rules,) = (
        plugin
        for plugin in pytestconfig.pluginmanager.get_plugins()
        if isinstance(plugin, ModuleType) and plugin.__file__ == str(CONFTEST)
    )

    def of(*markers: str) -> str:
        report = pytest.TestReport(
            "test_it", ("test.py", 1, "test_it"), dict.fromkeys(markers, 1), "skipped", None, "call"
        )
        return rules._no_skip_in_ci(report).outcome

    return of


def test_ci_leaves_out_no_test_but_those_of_an_optional_package_that_is_missing(
    outcome: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "detectron2", None)
    assert outcome("detectron2") == "skipped"
    assert outcome() == "failed"
    assert outcome("postgres") == "failed"


def test_where_the_package_is_its_tests_are_not_left_out_either(
    outcome: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    present = ModuleType("detectron2")
    present.__spec__ = sys.__spec__
    monkeypatch.setitem(sys.modules, "detectron2", present)
    assert outcome("detectron2") == "failed"
