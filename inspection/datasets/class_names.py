"""Class names that are probably one name misspelt."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

# A name that occurs once, or ten times less often than its neighbour, is a slip.
_RARE = 10


def slips(counts: Counter[str]) -> list[tuple[str, str, str]]:
    """(doubtful name, the one probably meant, `error` or `warning`) of a set's classes.

    An error where names differ in case, blanks or punctuation only, or where one of two close
    names is rare; a warning where both are used often, or one never: they may be meant.
    """
    found = []
    for one, other in combinations(sorted(counts), 2):
        rare, usual = sorted((one, other), key=lambda name: (counts[name], name))
        if _plain(one) == _plain(other):
            found.append((rare, usual, "error"))
        elif _numbered(one, other):
            continue
        elif _distance(_plain(one), _plain(other)) <= _slack(one, other):
            slip = counts[rare] == 1 or 0 < counts[rare] * _RARE <= counts[usual]
            found.append((rare, usual, "error" if slip else "warning"))
    return found


def _plain(name: str) -> str:
    plain = "".join(letter for letter in name.casefold() if letter.isalnum())
    return plain or name


def _numbered(one: str, other: str) -> bool:
    """M4 and M5, or `left` and `Left2`: names that differ in digits are meant to."""
    digits = [[letter for letter in name if letter.isdigit()] for name in (one, other)]
    return digits[0] != digits[1]


def _slack(one: str, other: str) -> int:
    """How many letters may differ: none in short names, where every word is close to another."""
    shorter = min(len(_plain(one)), len(_plain(other)))
    return 0 if shorter < 4 else 1 if shorter < 8 else 2


def _distance(one: str, other: str) -> int:
    """Damerau-Levenshtein distance (optimal string alignment): two letters swapped are one slip."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            best = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, rows[-2][j - 2] + 1)
            row.append(best)
        rows.append(row)
    return rows[-1][-1]
