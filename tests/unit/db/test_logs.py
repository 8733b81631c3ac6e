"""What libraries say reaches our log, without any password."""

import subprocess
import sys

_SAYS = """
import logging
from db.logs import configure_logs
configure_logs()
log = logging.getLogger("celery.worker")
log.addHandler(logging.NullHandler())
log.error("Cannot connect to %s:\\n%s", "redis://:hunter22@host:6379/0", "refused")
log.info("of no interest")
"""


def test_errors_of_libraries_are_logged_and_redacted() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _SAYS], capture_output=True, text=True, check=True
    ).stderr

    assert "Cannot connect to redis://***@host:6379/0: refused" in said
    assert "logger=celery.worker" in said
    assert "hunter22" not in said
    assert "of no interest" not in said
