"""The real images, which are not in the repository."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Their folder: `LINESIDE_REAL_DATA`, without which `make test-real` does not begin."""
    folder = os.environ.get("LINESIDE_REAL_DATA")
    if not folder:
        pytest.skip("LINESIDE_REAL_DATA is not set")
    return Path(folder)
