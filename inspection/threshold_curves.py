"""What other thresholds would have done to stored results, counted in parts.

A result is kept as small as it can be: its findings' classes, scores and the measurements that
limits are on. `dashboards/static/thresholds.js` counts the same in the browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inspection.estimating import wilson

PASS, WARN, FAIL = 0, 1, 2


@dataclass(frozen=True)
class Scored:
    """A finding: its class, its score, and by quantity the value and standard uncertainty."""

    class_name: str
    score: float
    values: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Result:
    """A stored inspection.

    Attributes:
        base: the severity of what no slider moves: an expired calibration.
        bad: whether the part is; None: nobody has said.
        weight: 1 / probability where it was drawn at random and `bad` is known, else None.
    """

    findings: Sequence[Scored]
    base: int = PASS
    bad: bool | None = None
    weight: float | None = None


@dataclass(frozen=True)
class Bounds:
    """Of one quantity: more than `warn` warns, more than `fail` fails; None: no such limit."""

    warn: float | None
    fail: float | None


@dataclass(frozen=True)
class ClassSetting:
    min_score: float
    limits: Mapping[str, Bounds]


Settings = Mapping[str, ClassSetting]


@dataclass(frozen=True)
class Number:
    """So many results, with what is possible at the least and at the most.

    `value` is None where nothing of the random sample says how many, so that only bounds are known.
    """

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """What changes among the results; negative numbers are fewer.

    Attributes:
        released: results that stopped the part and would not any more; `stopped` the other way.
        false_calls: how many more good parts are stopped.
        escapes: how many more bad parts pass.
    """

    results: int
    rejected_before: int
    rejected_after: int
    released: int
    stopped: int
    false_calls: Number
    escapes: Number


def severity(result: Result, settings: Settings, guard_k: float) -> int:
    """`PASS`, `WARN` or `FAIL`, as `inspection.judge` gives it with these settings."""
    worst = result.base
    counts = dict.fromkeys(settings, 0)
    for finding in result.findings:
        setting = settings.get(finding.class_name)
        if setting is None or finding.score < setting.min_score:
            continue
        counts[finding.class_name] += 1
        for quantity, bounds in setting.limits.items():
            if quantity in finding.values:
                value, uncertainty = finding.values[quantity]
                worst = max(worst, _held(value, guard_k * uncertainty, bounds))
    for name, setting in settings.items():
        if "count" in setting.limits:
            worst = max(worst, _held(counts[name], 0.0, setting.limits["count"]))
    return worst


def compare(
    results: Sequence[Result],
    before: Settings,
    after: Settings,
    guard_k: float,
    *,
    rejects: int = WARN,
) -> Outcome:
    """Count what changes from one setting to another.

    Every verdict that changes is known; whether its part is good or bad is known of some. Of the
    others the random sample tells: among the changes of one direction the share of good ones is
    its weighted share (Hájek), with Wilson's interval for the effective size (Kish), and never
    outside of what people have said already. The bounds of the two directions are added, which
    promises too little rather than too much.

    Args:
        rejects: the least severity that stops a part.
    """
    verdicts = [
        (
            severity(result, before, guard_k) >= rejects,
            severity(result, after, guard_k) >= rejects,
        )
        for result in results
    ]
    released = [r for r, (was, now) in zip(results, verdicts, strict=True) if was and not now]
    stopped = [r for r, (was, now) in zip(results, verdicts, strict=True) if now and not was]
    good_released, good_stopped = good_among(released), good_among(stopped)
    bad_released, bad_stopped = (
        _rest(good_released, len(released)),
        _rest(good_stopped, len(stopped)),
    )
    return Outcome(
        results=len(results),
        rejected_before=sum(was for was, _ in verdicts),
        rejected_after=sum(now for _, now in verdicts),
        released=len(released),
        stopped=len(stopped),
        false_calls=_less(good_stopped, good_released),
        escapes=_less(bad_released, bad_stopped),
    )


def good_among(changed: Sequence[Result]) -> Number:
    """How many of them are good parts."""
    at_least = sum(each.bad is False for each in changed)
    at_most = len(changed) - sum(each.bad is True for each in changed)
    sample = [(each.weight, each.bad is False) for each in changed if each.weight is not None]
    if at_least == at_most:
        return Number(float(at_least), at_least, at_most)
    if not sample:
        return Number(None, at_least, at_most)
    whole = sum(weight for weight, _ in sample)
    share = sum(weight for weight, good in sample if good) / whole
    effective = whole**2 / sum(weight**2 for weight, _ in sample)
    low, high = wilson(share * effective, effective)
    number = len(changed)
    return Number(
        min(max(share * number, at_least), at_most),
        min(max(low * number, at_least), at_most),
        max(min(high * number, at_most), at_least),
    )


def scaled(number: Number, factor: float) -> Number:
    """The same for another span of time."""
    value = None if number.value is None else number.value * factor
    return Number(value, number.low * factor, number.high * factor)


def _held(value: float, band: float, bounds: Bounds) -> int:
    """As `inspection.limits.held`."""
    found = WARN if bounds.warn is not None and value > bounds.warn else PASS
    if bounds.fail is not None:
        if value - band > bounds.fail:
            found = FAIL
        elif value + band > bounds.fail:
            found = WARN
    return found


def _rest(number: Number, of: int) -> Number:
    value = None if number.value is None else of - number.value
    return Number(value, of - number.high, of - number.low)


def _less(one: Number, other: Number) -> Number:
    value = None if one.value is None or other.value is None else one.value - other.value
    return Number(value, one.low - other.high, one.high - other.low)
