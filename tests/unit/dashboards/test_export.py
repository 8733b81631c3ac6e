"""Tables that are taken along: no cell starts a formula, whatever people named things."""

import csv
import io

import pytest

from dashboards.export import table_csv


def read_back(value: object) -> str:
    text = table_csv(("first", "name"), [(1, value)])
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == 2
    assert rows[1][0] == "1"
    return rows[1][1]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
@pytest.mark.parametrize("before", ["", "\0", "\ufeff", " ", "\u00a0", "\0 "])
def test_no_cell_starts_a_formula(sign: str, before: str) -> None:
    typed = f"{before}{sign}HYPERLINK(1,2)"
    assert read_back(typed) == f"'{typed}"


def test_a_formula_cannot_be_smuggled_in_behind_a_separator_or_quote() -> None:
    typed = 'harmless","=1+1\n=2+2,"'
    assert read_back(typed) == typed


@pytest.mark.parametrize("value", ["a = b", "Line 3", "Gehäuse-Deckel", "", 7, None])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert read_back(value) == ("" if value is None else str(value))
