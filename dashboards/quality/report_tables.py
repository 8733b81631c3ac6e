"""The tables of a shift report as rows for a spreadsheet: times of the site, with their offset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from dashboards.quality.report_view import ReportPage
from db.queries.dispositions import DISPOSITIONS
from inspection.verdicts import Reason

Row = Sequence[object]


@dataclass(frozen=True)
class Table:
    columns: Sequence[str]
    rows: Callable[[ReportPage], Iterator[Row]]


def _local(page: ReportPage, moment: datetime | None) -> str:
    if moment is None:
        return ""
    return moment.astimezone(ZoneInfo(page.timezone)).isoformat(timespec="seconds")


def _stations(page: ReportPage) -> Iterator[Row]:
    for one in page.report.stations:
        tally, parts = one.tally, one.first_pass
        yield (
            page.line.key,
            one.station.key,
            one.station.name,
            page.span.shift,
            _local(page, page.span.start),
            _local(page, page.end),
            one.acquired,
            tally.inspected,
            tally.passed,
            tally.warned,
            tally.failed,
            tally.not_inspected,
            one.waiting,
            one.lost,
            _rounded(one.coverage),
            parts.parts,
            parts.good,
            _rounded(parts.rate),
            one.opened,
            one.closed,
            round(one.downtime.total_seconds()),
            *(one.reasons.get(reason, 0) for reason in Reason),
            *(one.dispositions.get(action, 0) for action in DISPOSITIONS),
        )


def _pareto(page: ReportPage) -> Iterator[Row]:
    for one in page.report.stations:
        for name, number in one.pareto:
            yield page.line.key, one.station.key, name, number


def _discrepancies(page: ReportPage) -> Iterator[Row]:
    keys = {one.station.id: one.station.key for one in page.report.stations}
    for one in page.report.discrepancies:
        yield (
            one.id,
            page.line.key,
            keys[one.station_id],
            one.kind,
            one.place,
            one.severity,
            one.state,
            one.detail,
            _local(page, one.opened_at),
            _local(page, one.closed_at),
            one.seen_count,
            one.actor,
        )


def _changes(page: ReportPage) -> Iterator[Row]:
    keys = {one.station.id: one.station.key for one in page.report.stations}
    for one in page.report.changes:
        station = keys[one.station_id]
        yield page.line.key, station, _local(page, one.at), one.kind, one.before, one.after, one.by


def _gaps(page: ReportPage) -> Iterator[Row]:
    for one in page.report.stations:
        for gap in one.gaps:
            yield (
                page.line.key,
                one.station.key,
                gap.camera_key,
                _local(page, gap.since),
                _local(page, gap.until),
                round(gap.duration.total_seconds()),
            )


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


TABLES: Mapping[str, Table] = {
    "stations": Table(
        (
            *("line", "station", "name", "shift", "begin", "end"),
            *("acquired", "inspected", "passed", "warned", "failed", "not_inspected"),
            *("waiting", "lost", "coverage", "parts", "parts_good", "first_pass_yield"),
            *("discrepancies_opened", "discrepancies_closed", "without_frames_s"),
            *(f"not_inspected_{reason}" for reason in Reason),
            *DISPOSITIONS,
        ),
        _stations,
    ),
    "pareto": Table(("line", "station", "class", "number"), _pareto),
    "discrepancies": Table(
        (
            *("id", "line", "station", "kind", "place", "severity", "state", "detail"),
            *("opened_at", "closed_at", "seen_count", "actor"),
        ),
        _discrepancies,
    ),
    "changes": Table(("line", "station", "at", "kind", "before", "after", "by"), _changes),
    "gaps": Table(("line", "station", "camera", "since", "until", "duration_s"), _gaps),
}
