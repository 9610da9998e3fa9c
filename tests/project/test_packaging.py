"""The service runs from a checkout. A wheel, if somebody built one, would ship no module."""

import pytest
from setuptools import Distribution

from tests.support import ROOT


@pytest.fixture
def distribution(monkeypatch: pytest.MonkeyPatch) -> Distribution:
    """As setuptools reads pyproject.toml when it builds a wheel."""
    monkeypatch.chdir(ROOT)
    distribution = Distribution()
    distribution.parse_config_files()
    distribution.set_defaults()
    return distribution


def test_a_wheel_has_no_module(distribution: Distribution) -> None:
    build = distribution.get_command_obj("build_py")
    build.ensure_finalized()
    assert build.find_all_modules() == []
    assert not distribution.scripts


def test_no_index_takes_it(distribution: Distribution) -> None:
    assert distribution.metadata.classifiers == ["Private :: Do Not Upload"]
