"""Control charts against the examples of Montgomery's textbook (7th ed.), and by what must hold."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection.spc import Chart, ChartKind, chart, size_for_runs

# Table 7.1: cans of orange juice concentrate that leak, of 50 each half hour.
CANS = [
    *(12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22),
    *(8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6),
]
# Table 7.4: purchase orders with an error, week by week, and how many there were.
ORDERS = [12, 8, 6, 9, 10, 12, 11, 16, 10, 6, 20, 15, 9, 8, 6, 8, 10, 7, 5, 8, 5, 8, 10, 6, 9]
ORDER_SIZES = [
    *(100, 80, 80, 100, 110, 110, 100, 100, 90, 90, 110, 120, 120),
    *(120, 110, 80, 80, 80, 90, 100, 100, 100, 100, 90, 90),
]
# Section 7.3.2: errors in 50 shipments each week.
SHIPMENTS = [2, 3, 8, 1, 1, 4, 1, 4, 5, 1, 8, 2, 4, 3, 4, 1, 8, 3, 7, 4]
# Section 7.3.2: faults in rolls of dyed cloth, in units of 50 square metres.
CLOTH = [14, 12, 20, 11, 7, 10, 21, 16, 19, 23]
CLOTH_UNITS = [10.0, 8.0, 13.0, 10.0, 9.5, 10.0, 12.0, 10.5, 12.0, 12.5]


def signals(made: Chart) -> set[tuple[int, int]]:
    return {(signal.rule, signal.index) for signal in made.signals}


def test_p_chart_of_equal_sizes() -> None:
    made = chart(ChartKind.P, CANS, [50] * 30, rules=[1])
    assert made.centre[0] == pytest.approx(0.2313, abs=5e-5)
    assert made.upper[0] == pytest.approx(0.4102, abs=5e-5)
    assert made.lower[0] == pytest.approx(0.0524, abs=5e-5)
    assert signals(made) == {(1, 14), (1, 22)}  # samples 15 and 23


def test_p_chart_after_two_samples_are_explained() -> None:
    kept = [count for place, count in enumerate(CANS) if place not in (14, 22)]
    made = chart(ChartKind.P, kept, [50] * 28, rules=[1])
    assert made.centre[0] == pytest.approx(0.2150, abs=5e-5)
    assert made.upper[0] == pytest.approx(0.3893, abs=5e-5)
    assert made.lower[0] == pytest.approx(0.0407, abs=5e-5)
    assert signals(made) == {(1, 19)}  # sample 21 of the thirty


def test_p_chart_of_varying_sizes() -> None:
    made = chart(ChartKind.P, ORDERS, ORDER_SIZES, rules=[1])
    assert made.centre[0] == pytest.approx(234 / 2450)
    assert made.upper[10] == pytest.approx(0.180, abs=5e-4)  # n = 110
    assert made.upper[1] == pytest.approx(0.194, abs=5e-4)  # n = 80
    assert made.lower[0] == pytest.approx(0.007, abs=5e-4)  # n = 100
    assert made.z[10] == pytest.approx(3.08, abs=0.01)
    assert signals(made) == {(1, 10)}


def test_six_orders_in_a_row_get_worse() -> None:
    # The book looks for points outside its limits alone; weeks 3 to 8 are a trend besides.
    assert signals(chart(ChartKind.P, ORDERS, ORDER_SIZES)) == {(1, 10), (3, 7)}


def test_u_chart_of_equal_sizes() -> None:
    made = chart(ChartKind.U, SHIPMENTS, [50] * 20, exact_below=0)
    assert made.centre[0] == pytest.approx(0.0740)
    assert made.upper[0] == pytest.approx(0.1894, abs=5e-5)
    assert made.lower[0] == 0
    assert not made.signals


def test_u_chart_of_varying_sizes() -> None:
    made = chart(ChartKind.U, CLOTH, CLOTH_UNITS)
    assert made.centre[0] == pytest.approx(1.42, abs=0.005)
    for place, lower, upper in ((0, 0.29, 2.55), (1, 0.16, 2.68), (2, 0.43, 2.41)):
        # The book computes with a mean of 1.42.
        assert made.lower[place] == pytest.approx(lower, abs=0.01)
        assert made.upper[place] == pytest.approx(upper, abs=0.01)
    assert not made.signals


def test_each_phase_has_limits_of_its_own() -> None:
    counts, sizes = [5] * 12 + [20] * 12, [100] * 24
    assert len(chart(ChartKind.P, counts, sizes).signals) > 0
    made = chart(ChartKind.P, counts, sizes, [12])
    assert [(one.first, one.end, one.centre) for one in made.phases] == [
        (0, 12, pytest.approx(0.05)),
        (12, 24, pytest.approx(0.20)),
    ]
    assert not made.signals
    assert all(phase.is_trial for phase in made.phases)


def test_limits_of_small_counts_are_those_of_poisson() -> None:
    # Of 3.7 errors a week: P(X >= 11) = 0.0016 and P(X >= 12) = 0.0005, by Poisson's tables.
    made = chart(ChartKind.U, SHIPMENTS, [50] * 20)
    assert made.upper[0] == pytest.approx(11.5 / 50)
    assert made.lower[0] == 0


def test_limits_of_small_shares_are_those_of_the_binomial_distribution() -> None:
    # Mean 10 % of 20: P(X >= 7) = 0.0024, P(X >= 8) = 0.0004.
    made = chart(ChartKind.P, [2] * 30, [20] * 30)
    assert made.upper[0] == pytest.approx(7.5 / 20)
    # The same seen from the good ones.
    turned = chart(ChartKind.P, [18] * 30, [20] * 30)
    assert turned.lower[0] == pytest.approx(12.5 / 20)
    assert turned.upper[0] == 1


def test_one_defect_in_a_small_subgroup_is_no_signal() -> None:
    # 1 of 10 lies five sigma above 0.3 %, and comes by chance in one of 33 such subgroups.
    counts, sizes = [0] * 33 + [1], [10] * 34
    made = chart(ChartKind.P, counts, sizes)
    assert made.z[-1] > 5
    assert not made.signals
    counts[-1] = 3
    assert (1, 33) in signals(chart(ChartKind.P, counts, sizes))


def test_zeros_below_a_skewed_mean_are_no_run() -> None:
    made = chart(ChartKind.P, [0] * 20 + [1], [20] * 21)
    assert not made.judged_by_runs.any()
    assert 2 not in {signal.rule for signal in made.signals}
    assert size_for_runs(ChartKind.P, made.centre[0]) == 2100


def test_sizes_that_no_run_can_be_judged_by() -> None:
    assert size_for_runs(ChartKind.P, 0.0) is None
    assert size_for_runs(ChartKind.U, 2.5) == 2


def test_laney_widens_where_the_rate_moves_by_itself() -> None:
    rng = np.random.default_rng(3)
    sizes = np.full(200, 20_000)
    counts = rng.binomial(sizes, rng.beta(50, 950, 200))
    plain = chart(ChartKind.P, counts, sizes, rules=[1])
    assert plain.phases[0].is_overdispersed
    assert len(plain.signals) > 50
    widened = chart(ChartKind.P, counts, sizes, rules=[1], laney=True)
    assert widened.phases[0].sigma_z > 3
    assert len(widened.signals) <= 3


def test_laney_is_the_mean_moving_range_by_hand() -> None:
    made = chart(ChartKind.P, [10, 20, 10, 20], [100] * 4, laney=True)
    z = 0.05 / np.sqrt(0.15 * 0.85 / 100)
    assert made.phases[0].sigma_z == pytest.approx(2 * z / 1.128)
    assert made.upper[0] == pytest.approx(0.15 + 3 * 0.10 / 1.128)


def test_of_what_is_in_control_few_points_signal() -> None:
    rng = np.random.default_rng(11)
    for mean, size in ((0.002, 60), (0.02, 50), (0.1, 200)):
        sizes = rng.integers(size // 2, size * 2, 4000)
        made = chart(ChartKind.P, rng.binomial(sizes, mean), sizes, rules=[1])
        assert len(made.signals) / 4000 < 0.006, (mean, size)
        faults = chart(ChartKind.U, rng.poisson(sizes * mean), sizes, rules=[1])
        assert len(faults.signals) / 4000 < 0.006, (mean, size)


def test_a_rate_that_doubles_is_seen() -> None:
    rng = np.random.default_rng(5)
    counts = np.r_[rng.binomial(200, 0.05, 40), rng.binomial(200, 0.12, 6)]
    made = chart(ChartKind.P, counts, np.full(46, 200))
    assert any(signal.index >= 40 for signal in made.signals)


@pytest.mark.parametrize(
    ("kind", "counts", "sizes", "told"),
    [
        (ChartKind.P, [1, 2], [10], r"\(2,\) and \(1,\)"),
        (ChartKind.P, [1], [0], "sizes above 0"),
        (ChartKind.P, [-1], [10], "at least 0"),
        (ChartKind.P, [11], [10], "no more defective"),
        (ChartKind.U, [float("nan")], [10], "at least 0"),
    ],
)
def test_what_makes_no_sense_is_refused(
    kind: ChartKind, counts: list[float], sizes: list[float], told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        chart(kind, counts, sizes)


def test_nothing_gives_an_empty_chart() -> None:
    made = chart(ChartKind.P, [], [])
    assert not made.signals
    assert not made.phases


subgroups = st.lists(
    st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    min_size=1,
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(subgroups, st.sets(st.integers(0, 45), max_size=4), st.sampled_from(ChartKind))
def test_what_always_holds(drawn: list[tuple[int, int]], starts: set[int], kind: ChartKind) -> None:
    counts, sizes = (np.array(each) for each in zip(*drawn, strict=True))
    made = chart(kind, counts, sizes, starts, rules=range(1, 9))
    assert (made.lower <= made.centre).all()
    assert (made.centre <= made.upper).all()
    assert (made.lower >= 0).all()
    assert made.phases[0].first == 0
    assert made.phases[-1].end == len(counts)
    for phase in made.phases:
        here = slice(phase.first, phase.end)
        # The centre line balances what lies above it and below.
        assert (made.values[here] * sizes[here]).sum() == pytest.approx(
            phase.centre * sizes[here].sum()
        )
    for signal in made.signals:
        phase = next(one for one in made.phases if one.first <= signal.index < one.end)
        assert phase.first <= signal.first <= signal.index
    # Of larger subgroups with the same shares the limits are narrower, and the centre is the same.
    wider = chart(kind, counts * 4, sizes * 4, starts)
    assert wider.centre == pytest.approx(made.centre)
    assert (wider.upper <= made.upper + 1e-12).all()
