"""Gaps on a shelf, ranked by what they are worth: which one to fill first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import fmean

from inspection.recipe import Position


@dataclass(frozen=True)
class Gap:
    """A position with fewer items in sight than belong there."""

    position: Position
    seen: int
    since: datetime
    kind: str  # out_of_stock | low
    discrepancy_id: int
    price: float | None  # of one item, in the currency of the shelf
    rate_per_hour: float | None  # items sold an hour when the shelf is full

    @property
    def missing(self) -> int:
        return max(self.position.facings - self.seen, 0)

    @property
    def loss_per_hour(self) -> float | None:
        """Sales that are missed an hour, by the share of the facings that is empty.

        None where price or rate is not known.
        """
        if self.price is None or self.rate_per_hour is None:
            return None
        return self.price * self.rate_per_hour * self.missing / self.position.facings

    def lost(self, open_time: timedelta) -> float | None:
        """Sales missed in so much time, at the rate of now; None where it is not known."""
        each_hour = self.loss_per_hour
        return None if each_hour is None else each_hour * (open_time / timedelta(hours=1))

    @property
    def worth_of_a_facing(self) -> float | None:
        """What one facing counts for: sales an hour, else the price, else nothing is known."""
        if self.price is not None and self.rate_per_hour is not None:
            return self.price * self.rate_per_hour / self.position.facings
        return self.price if self.price is not None else self.rate_per_hour


def ranked(gaps: Sequence[Gap], now: datetime) -> list[Gap]:
    """By missing facings × worth of a facing × age, the most urgent first.

    A product of which neither price nor rate is known counts as the average of those on the same
    shelf: unknown is not worthless. Of two that are worth the same, the emptier one comes first.
    """
    known = [gap.worth_of_a_facing for gap in gaps if gap.worth_of_a_facing is not None]
    average = fmean(known) if known else 1.0

    def worth(gap: Gap) -> float:
        each = gap.worth_of_a_facing
        # A gap seen for the first time has no age yet; a minute keeps its price in the order.
        age_s = max((now - gap.since).total_seconds(), 60.0)
        return gap.missing * (average if each is None else each) * age_s

    return sorted(gaps, key=lambda gap: (-worth(gap), gap.seen, gap.since, gap.discrepancy_id))
