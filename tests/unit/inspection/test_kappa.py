"""Cohen's kappa against tables of the literature."""

from collections.abc import Sequence

import pytest

from inspection.kappa import cohens_kappa


def pairs(table: Sequence[Sequence[int]]) -> list[tuple[int, int]]:
    """One pair for each thing; rows are the words of the first, columns of the second."""
    return [
        (a, b) for a, row in enumerate(table) for b, times in enumerate(row) for _ in range(times)
    ]


def test_psychologists_of_fleiss() -> None:
    # J. L. Fleiss, Statistical Methods for Rates and Proportions, 2nd ed., 1981, table 13.1:
    # κ = 0.68, s.e. 0.087, interval 0.51 to 0.85.
    found = cohens_kappa(pairs([[75, 1, 4], [5, 4, 1], [0, 0, 10]]))
    assert found.kappa == pytest.approx(0.676, abs=5e-4)
    assert found.agreement == pytest.approx(0.89)
    assert found.se == pytest.approx(0.0877, abs=5e-4)
    assert (found.low, found.high) == pytest.approx((0.51, 0.85), abs=6e-3)


@pytest.mark.parametrize(
    ("table", "agreement", "kappa"),
    [
        # A. R. Feinstein, D. V. Cicchetti, J. Clin. Epidemiol. 43, 1990: one agreement, two kappas.
        ([[40, 9], [6, 45]], 0.85, 0.70),
        ([[80, 10], [5, 5]], 0.85, 0.32),
        ([[45, 15], [25, 15]], 0.60, 0.13),
        ([[25, 35], [5, 35]], 0.60, 0.26),
    ],
)
def test_paradoxes_of_feinstein(
    table: Sequence[Sequence[int]], agreement: float, kappa: float
) -> None:
    found = cohens_kappa(pairs(table))
    assert found.agreement == pytest.approx(agreement)
    assert found.kappa == pytest.approx(kappa, abs=5e-3)


def test_the_ends() -> None:
    assert cohens_kappa(pairs([[5, 0], [0, 5]])).kappa == pytest.approx(1)
    assert cohens_kappa(pairs([[0, 5], [5, 0]])).kappa == pytest.approx(-1)
    assert cohens_kappa(pairs([[25, 25], [25, 25]])).kappa == pytest.approx(0)
    assert cohens_kappa([]).agreement is None
    same = cohens_kappa([("good", "good")] * 9)
    assert (same.kappa, same.agreement, same.things) == (None, 1.0, 9)
