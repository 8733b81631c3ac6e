"""JSON label files, read with an error that says where they are broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inspection.datasets.labels import Problem, Report


def read_object(path: Path, report: Report) -> dict[str, Any] | None:
    """The JSON object in a file; None once it was reported that there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        report(Problem(path, "unreadable-labels", f"cannot be read ({error.strerror})"))
        return None
    except (ValueError, RecursionError) as error:
        report(Problem(path, "unreadable-labels", f"is no JSON ({error}), expected labels as JSON"))
        return None
    if not isinstance(document, dict):
        detail = f"holds a JSON {type(document).__name__}, expected an object"
        report(Problem(path, "unreadable-labels", detail))
        return None
    return document
