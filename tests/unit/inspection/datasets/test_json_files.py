from pathlib import Path

from inspection.datasets.json_files import read_object
from inspection.datasets.labels import Problem


def test_a_file_above_64_mb_is_refused_without_reading_it(tmp_path: Path) -> None:
    problems: list[Problem] = []
    path = tmp_path / "labels.json"
    path.write_text('{"images": []}')
    assert read_object(path, problems.append) == {"images": []}
    assert not problems
    with path.open("r+b") as file:
        file.truncate(70_300_000)
    assert read_object(path, problems.append) is None
    assert [each.detail for each in problems] == [
        "is 70.3 MB large, expected at most 64 MB of JSON"
    ]
