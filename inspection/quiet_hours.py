"""Hours of a site's wall clock in which nobody wants to be told, through every change of clock."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class QuietHours:
    """From one time of the wall clock to another; one that ends before it begins crosses midnight.

    Raises ValueError where both are the same: that would be never, or always.
    """

    begins: time
    ends: time

    def __post_init__(self) -> None:
        if self.begins == self.ends:
            raise ValueError(f"expected two different times, got {self.begins:%H:%M} twice")

    def until(self, now: datetime, timezone: str) -> datetime | None:
        """When the quiet hours end in which `now` (aware) lies, in UTC; None: it lies in none.

        They are one span without a gap: where the clock is set back over one of their ends, the
        hour that comes twice is quiet both times.
        """
        zone = ZoneInfo(timezone)
        today = now.astimezone(zone).date()
        for day in (today - timedelta(days=1), today):
            begin = _instant(day, self.begins, zone, last=False)
            crosses = self.ends < self.begins
            end = _instant(day + timedelta(days=crosses), self.ends, zone, last=True)
            if begin <= now < end:
                return end
        return None


def _instant(day: date, clock: time, zone: ZoneInfo, *, last: bool) -> datetime:
    """When the wall clock shows a time, in UTC: of two such moments the first or the last.

    A time that is skipped in spring is the moment at which it is skipped (PEP 495: there the
    earlier `fold` lies later).
    """
    first, second = (
        datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1)
    )
    if first <= second:
        return second if last else first
    before, after = second, first
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)
