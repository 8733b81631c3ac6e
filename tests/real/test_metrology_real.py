"""`lineside metrology` on real photos of cracks: what predicted masks measure against true ones.

The images are not in the repository: `LINESIDE_REAL_DATA` names their folder (`make test-real`).
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from lineside.cli import group

pytestmark = pytest.mark.real_data


def test_half_of_all_cracks_are_measured_within_a_third(real_data: Path) -> None:
    data = real_data / "deepcrack" / "train"
    words = ["metrology", "--model", "surface-starter", "--data", str(data), "--classes", "crack"]
    result = CliRunner().invoke(group, [*words, "--limit", "60", "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["images"] == 60
    assert figures["matched"] > 50
    assert figures["length"]["median_relative_error"] < 1 / 3
    assert figures["mean_width"]["median_relative_error"] < 1 / 3
