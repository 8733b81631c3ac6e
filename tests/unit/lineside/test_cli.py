"""What a person reads where the database is what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://clerk:hunter22@127.0.0.1:9/x", "the database did not answer"),
        ("sqlite:///{folder}/empty.sqlite3", "Run `lineside migrate`"),
    ],
)
def test_one_line_instead_of_a_traceback(tmp_path: Path, url: str, expected: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "lineside", "audit"],
        env={"LINESIDE_DATABASE_URL": url.format(folder=tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert expected in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "hunter22" not in ended.stderr
