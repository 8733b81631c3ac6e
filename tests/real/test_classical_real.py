"""Engines without a network on real photos of cracks: shipped settings, and settings chosen.

The images are not in the repository: `LINESIDE_REAL_DATA` names their folder (`make test-real`).
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineside.cli import group

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def cracks(real_data: Path) -> Path:
    return real_data / "deepcrack" / "train"


@pytest.mark.parametrize("method", ["threshold", "edges", "region-growing", "graph-cut"])
def test_cracks_are_darker_than_their_wall(cracks: Path, method: str) -> None:
    words = ["evaluate", "--model", f"classical-{method}", "--data", str(cracks), "--union"]
    result = CliRunner().invoke(group, [*words, "--limit", "30", "--json"])
    assert result.exit_code == 0, result.output
    pixel = json.loads(result.stdout)["pixel"]
    # A guess of the same area would be right in 3 % of its pixels.
    assert pixel["f1"] > 0.6
