"""`lineside doctor` as a person or a script calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.integration.test_up import free_port


def doctor(tmp_path: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {name: v for name, v in os.environ.items() if not name.startswith("LINESIDE_")}
    environment |= {
        "LINESIDE_DATA_DIR": str(tmp_path / "var"),
        "LINESIDE_PORT": str(free_port()),
        **settings,
    }
    return subprocess.run(
        [sys.executable, "-m", "lineside", "doctor", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fit_host(tmp_path):
    done = doctor(tmp_path, "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 0, report
    assert report["fit"] is True
    subjects = {finding["subject"] for finding in report["findings"]}
    assert {"python", "redis", "engine", "port", "data folder", "database", "models"} <= subjects
    # To look is not to leave anything behind.
    assert not (tmp_path / "var").exists()


def test_a_database_that_is_away(tmp_path):
    url = f"postgresql+psycopg://lineside:hunter2@127.0.0.1:{free_port()}/lineside"
    done = doctor(tmp_path, LINESIDE_DATABASE_URL=url)
    assert done.returncode == 1
    assert "MISSING  database" in done.stdout
    assert "1 missing" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
