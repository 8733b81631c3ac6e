"""The gate: whether a challenger may take the champion's place, in the plant's terms.

Both have judged the same images by the same recipe, and of each image it is known whether its
part is bad. An escape is a bad part that is not rejected, a false call a good one that is; `warn`
and `fail` reject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from inspection.shares import clopper_pearson, mcnemar_p, paired_difference
from inspection.verdicts import Verdict

_SIGNIFICANT = 0.05


class GateLimits(BaseModel):
    """What a challenger has to keep, and on how many images it is asked."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_bad: int = Field(10, ge=1, le=10_000, description="Images of bad parts, at least.")
    least_good: int = Field(20, ge=1, le=10_000, description="Images of good parts, at least.")
    escape_margin: float = Field(
        0.0, ge=0, le=1, description="By how much its escape rate may exceed the champion's."
    )
    false_call_margin: float = Field(
        0.02, ge=0, le=1, description="By how much its false-call rate may exceed the champion's."
    )
    most_escape_rate: float | None = Field(None, ge=0, le=1, description="At most, whatever else.")
    most_false_call_rate: float | None = Field(
        None, ge=0, le=1, description="At most, whatever else."
    )
    reviewed: int = Field(100, ge=0, le=500, description="Newest reviewed inspections to look at.")
    replay: int = Field(100, ge=0, le=500, description="Newest stored inspections to replay.")


@dataclass(frozen=True, slots=True)
class Compared:
    """One image under both models.

    Attributes:
        bad: whether its part is, in truth.
    """

    bad: bool
    champion: Verdict
    challenger: Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of the gate: whether it holds, and the figures that say so."""

    name: str
    passed: bool
    value: float | None
    limit: float | None


def rejects(verdict: Verdict | str) -> bool:
    """Whether a verdict keeps a part back for somebody to look at."""
    return verdict in (Verdict.FAIL, Verdict.WARN)


def must_be_looked_at(before: str, after: str) -> bool:
    """Whether a flip lets a part go that was failed: somebody has to accept it."""
    return before == Verdict.FAIL and after != Verdict.FAIL


def decide(images: Sequence[Compared], limits: GateLimits) -> dict[str, Any]:
    """The figures of both with exact intervals, each check, and whether all of them hold.

    Images that either left uninspected are counted and not compared.
    """
    known = [
        each for each in images if Verdict.NOT_INSPECTED not in (each.champion, each.challenger)
    ]
    bad = [(not rejects(each.champion), not rejects(each.challenger)) for each in known if each.bad]
    good = [(rejects(each.champion), rejects(each.challenger)) for each in known if not each.bad]
    escapes, false_calls = _paired(bad), _paired(good)
    blind = [
        sum(getattr(each, who) is Verdict.NOT_INSPECTED for each in images)
        for who in ("champion", "challenger")
    ]
    right = [
        (each.bad == rejects(each.champion), each.bad == rejects(each.challenger)) for each in known
    ]
    only_champion = sum(one and not other for one, other in right)
    only_challenger = sum(other and not one for one, other in right)
    p = mcnemar_p(only_champion, only_challenger)
    checks = [
        Check("bad_images", len(bad) >= limits.least_bad, len(bad), limits.least_bad),
        Check("good_images", len(good) >= limits.least_good, len(good), limits.least_good),
        Check("inspects", blind[1] <= blind[0], blind[1], blind[0]),
        *_of("escape", escapes, limits.escape_margin, limits.most_escape_rate),
        *_of("false_call", false_calls, limits.false_call_margin, limits.most_false_call_rate),
        Check(
            "not_clearly_worse",
            not (only_champion > only_challenger and p < _SIGNIFICANT),
            p,
            _SIGNIFICANT,
        ),
    ]
    return {
        "images": {"bad": len(bad), "good": len(good), "not_compared": len(images) - len(known)},
        "escape": escapes,
        "false_call": false_calls,
        "mcnemar": {
            "only_champion_right": only_champion,
            "only_challenger_right": only_challenger,
            "p": p,
        },
        "checks": [asdict(each) for each in checks],
        "enough": checks[0].passed and checks[1].passed,
        "passed": all(each.passed for each in checks),
    }


def _of(what: str, figures: dict[str, Any], margin: float, most: float | None) -> list[Check]:
    difference = figures["difference"]
    checks = [
        Check(
            f"{what}_margin",
            difference is not None and difference <= margin + 1e-12,
            difference,
            margin,
        )
    ]
    if most is not None:
        rate = figures["challenger"]["rate"]
        checks.append(Check(f"{what}_most", rate is not None and rate <= most, rate, most))
    return checks


def _paired(pairs: Sequence[tuple[bool, bool]]) -> dict[str, Any]:
    """Shares of both, each with its exact interval, and their difference, challenger minus."""
    of = len(pairs)
    difference = paired_difference(
        sum(one and not other for one, other in pairs),
        sum(other and not one for one, other in pairs),
        of,
    )
    return {
        "of": of,
        **{
            who: {
                "hits": (hits := sum(pair[place] for pair in pairs)),
                "rate": hits / of if of else None,
                "ci95": list(clopper_pearson(hits, of) or ()) or None,
            }
            for place, who in enumerate(("champion", "challenger"))
        },
        "difference": difference.difference if difference else None,
        "difference_ci95": [difference.low, difference.high] if difference else None,
    }
