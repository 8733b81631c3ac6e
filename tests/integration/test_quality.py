"""Counts, changes and reports of a line, the same on SQLite and on PostgreSQL."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from db.access import Access, Actor, ActorKind, acting
from db.engine import Database
from db.models import (
    Calibration,
    Camera,
    CameraMinute,
    Discrepancy,
    Disposition,
    Line,
    RecipeActivation,
)
from db.queries import quality, quality_changes
from db.queries.first_pass import first_pass_in
from db.queries.quality import Tally
from db.queries.quality_charts import Asked, Charted, load_chart
from db.queries.quality_markers import changes
from db.queries.quality_parts import first_pass_by
from db.queries.quality_reports import StationReport, load_report
from db.queries.quality_spans import By, Span, days_until, edges, shift_on, shifts_of, steps
from db.queries.shifts import Window
from inspection.verdicts import Verdict
from tests import factories
from tests.drawn_quality import draw_history
from tests.factories import Found

NOW = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
VIENNA = ZoneInfo("Europe/Vienna")


@pytest.fixture
def session(any_database: Database) -> Iterator[Session]:
    with any_database.sessions() as session:
        yield session


def test_verdicts_are_counted_where_they_were_taken(session: Session) -> None:
    first, second = factories.make_camera(session), factories.make_camera(session)
    hours = [(NOW, NOW + HOUR), (NOW + HOUR, NOW + 2 * HOUR)]
    for camera, minutes, verdict in (
        (first, 0, "pass"),
        (first, 59, "warn"),
        (first, 60, "fail"),  # on the edge: of the hour that it begins
        (first, 119, "not_inspected"),
        (first, 120, "fail"),  # after the end
        (second, -1, "fail"),  # before the beginning
        (second, 61, "pass"),
    ):
        factories.decide(session, camera, verdict, captured_at=NOW + minutes * MINUTE)
    ids = [first.station_id, second.station_id]
    assert quality.tallies(session, ids, hours) == [
        {ids[0]: Tally(passed=1, warned=1)},
        {ids[0]: Tally(failed=1, not_inspected=1), ids[1]: Tally(passed=1)},
    ]
    assert quality.tallies(session, [], hours) == [{}, {}]


def test_defects_are_findings_that_failed(session: Session) -> None:
    camera = factories.make_camera(session)
    found = [Found(class_name="crack"), Found(class_name="crack"), Found("pit", verdict="warn")]
    factories.decide(session, camera, "fail", found=found, captured_at=NOW)
    factories.decide(session, camera, "warn", found=found[2:], captured_at=NOW + SECOND)
    stretches = [(NOW - HOUR, NOW), (NOW, NOW + HOUR)]
    assert quality.defects(session, [camera.station_id], stretches) == [{}, {"crack": 2}]


def test_subgroups_of_so_many_images(session: Session) -> None:
    camera = factories.make_camera(session)
    for n in range(25):
        verdict = "not_inspected" if n % 5 == 4 else "pass"
        factories.decide(session, camera, verdict, captured_at=NOW + n * SECOND)
    ids, stretch = [camera.station_id], (NOW, NOW + HOUR)
    found = quality.edges_by_count(session, ids, stretch, 8, groups=10)
    counted = quality.tallies(session, ids, steps(found))
    assert [each[ids[0]].inspected for each in counted] == [8, 8, 4]
    newest = quality.edges_by_count(session, ids, stretch, 8, groups=2)
    assert [each[ids[0]].inspected for each in quality.tallies(session, ids, steps(newest))] == [
        8,
        8,
    ]


def test_first_pass_by_stretches_is_that_of_boards(session: Session) -> None:
    camera = factories.make_camera(session)
    parts = [factories.make_part(session) for _ in range(6)]
    for part, minutes, verdict in (
        (0, 10, "pass"),
        (1, 20, "fail"),
        (1, 25, "pass"),  # shown again at once
        (2, 50, "pass"),
        (2, 55, "fail"),  # within ten minutes
        (3, 58, "pass"),
        (3, 90, "fail"),  # damaged later
        (4, 70, "waiting"),
        (5, 59, "pass"),
        (5, 61, "not_inspected"),  # in the next stretch, and of the first pass still
    ):
        acquisition = factories.make_acquisition(
            session, camera, part_id=parts[part].id, captured_at=NOW + minutes * MINUTE
        )
        if verdict != "waiting":
            factories.decide(session, verdict=verdict, acquisition=acquisition)
    ids = [camera.station_id]
    hours = [(NOW, NOW + HOUR), (NOW + HOUR, NOW + 2 * HOUR)]
    by_hour = first_pass_by(session, ids, hours)
    assert [each.get(ids[0]) and (each[ids[0]].parts, each[ids[0]].good) for each in by_hour] == [
        (5, 2),
        None,
    ]
    whole = first_pass_in(session, ids, Window(NOW, NOW + 2 * HOUR))
    assert first_pass_by(session, ids, [(NOW, NOW + 2 * HOUR)]) == [whole]


def test_changes_are_found_where_two_images_differ(session: Session) -> None:
    camera = factories.make_camera(session)
    station = camera.station
    old, new = (factories.make_recipe_version(session, version=n) for n in (7, 8))
    model = factories.make_model_version(session, name="starter", version="abcdef0123456789")
    scale = Calibration(station_id=station.id, mm_per_px=0.02, made_at=NOW + 40 * MINUTE)
    session.add(scale)
    session.add(
        RecipeActivation(
            station_id=station.id,
            recipe_version_id=new.id,
            activated_at=NOW + 30 * MINUTE - SECOND,
            activated_by="Ada",
        )
    )
    session.flush()
    for minute in range(60):
        factories.decide(
            session,
            camera,
            captured_at=NOW + minute * MINUTE,
            recipe_version_id=(old if minute < 30 else new).id,
            calibration_id=scale.id if minute >= 40 else None,
            # Without a verdict nothing was judged by the new recipe yet.
            verdict="not_inspected" if minute == 29 else "pass",
            model_version_id=None if minute == 29 else model.id,
        )
    found = changes(session, [station.id], (NOW, NOW + HOUR))
    assert [(each.at, each.kind, each.by) for each in found] == [
        (NOW + 30 * MINUTE, "recipe", "Ada"),
        (NOW + 40 * MINUTE, "calibration", None),
    ]
    assert (found[0].before or "").endswith("v7")
    assert (found[0].after or "").endswith("v8")
    assert (found[1].before, found[1].after) == (None, "0.02 mm/px (scale)")


def test_a_recipe_that_was_tried_for_a_minute_is_found(session: Session) -> None:
    camera = factories.make_camera(session)
    old, tried = (factories.make_recipe_version(session) for _ in range(2))
    for version, minutes in ((tried, 100), (old, 101)):
        session.add(
            RecipeActivation(
                station_id=camera.station_id,
                recipe_version_id=version.id,
                activated_at=NOW + minutes * MINUTE,
            )
        )
    for n in range(48 * 4):
        at = NOW + n * 15 * MINUTE
        factories.decide(session, camera, captured_at=at, recipe_version_id=old.id)
    at = NOW + 100 * MINUTE + 20 * SECOND
    factories.decide(session, camera, captured_at=at, recipe_version_id=tried.id)
    found = quality_changes.switches(session, [camera.station_id], (NOW, NOW + 48 * HOUR))
    assert [(one.at, one.after.recipe_version_id) for one in found] == [
        (at, tried.id),
        (NOW + 105 * MINUTE, old.id),
    ]


def test_workers_that_take_turns_make_no_endless_list(session: Session) -> None:
    camera = factories.make_camera(session)
    models = [factories.make_model_version(session) for _ in range(2)]
    for n in range(200):
        factories.decide(
            session, camera, captured_at=NOW + n * SECOND, model_version_id=models[n % 2].id
        )
    found = quality_changes.switches(session, [camera.station_id], (NOW, NOW + 30 * HOUR))
    assert 0 < len(found) <= 6


def test_what_people_change_about_cameras_is_a_change(any_database: Database) -> None:
    with any_database.sessions.begin() as session:
        camera = factories.make_camera(session, key="left")
        camera_id, station_id = camera.id, camera.station_id
    ada = Access(Actor(ActorKind.PERSON, 1, "Ada"), lines=None)
    with acting(ada), any_database.sessions.begin() as session:
        session.get_one(Camera, camera_id).enabled = False
    with acting(ada), any_database.sessions.begin() as session:
        session.get_one(Camera, camera_id).name = "Renamed"  # changes no picture
    with any_database.reads() as session:
        now = datetime.now(UTC)
        found = changes(session, [station_id], (now - HOUR, now + HOUR))
    assert [(one.kind, one.before, one.after, one.by) for one in found] == [
        ("camera", "left: on", "left: off", "Ada")
    ]


def test_a_chart_begins_anew_where_the_recipe_changed(session: Session) -> None:
    line = factories.make_line(session)
    newest, changed_at = draw_history(session, line, NOW)
    span = Span(NOW - timedelta(days=3), NOW, date(2026, 7, 1))
    shown = load_chart(session, line.stations, [], VIENNA, NOW, Asked(span, By.HOUR))
    assert shown.total.inspected == 3 * 24 * 120
    assert len(shown.chart.phases) == 2
    second = shown.points[shown.chart.phases[1].first]
    assert changed_at <= second.since < changed_at + 30 * SECOND
    assert not shown.told
    (step,) = shown.steps
    assert step.p_value is not None
    assert step.p_value < 1e-6
    assert step.before == pytest.approx(0.05, abs=0.01)
    assert step.after == pytest.approx(0.11, abs=0.015)

    one = Asked(span, By.HOUR, phases=False)
    whole = load_chart(session, line.stations, [], VIENNA, NOW, one)
    assert len(whole.chart.phases) == 1
    named = [told for told in whole.told if told.changes]
    assert named
    assert {change.kind for told in named for change in told.changes} == {"recipe"}
    assert newest.station_id == named[0].changes[0].station_id


def test_a_u_chart_counts_defects(session: Session) -> None:
    line = factories.make_line(session)
    draw_history(session, line, NOW, days=0.5)
    span = Span(NOW - 12 * HOUR, NOW, date(2026, 7, 1))
    asked = Asked(span, By.HOUR, Charted.DEFECTS)
    shown = load_chart(session, line.stations, [], VIENNA, NOW, asked)
    defects = sum(point.count for point in shown.points)
    assert defects == sum(number for _, number in shown.pareto) > shown.total.failed


def test_a_line_without_stations_has_an_empty_chart(session: Session) -> None:
    span = Span(NOW - HOUR, NOW, date(2026, 7, 1))
    shown = load_chart(session, [], [], VIENNA, NOW, Asked(span, By.HOUR))
    assert not shown.points
    assert not shown.changes


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)], ids=["23 h", "25 h"])
def test_shifts_add_up_to_the_day_when_the_clock_changes(session: Session, day: date) -> None:
    site = factories.make_site(session, timezone="Europe/Vienna")
    for name, start in (("Early", 6), ("Late", 14), ("Night", 22)):
        times = {"starts_at": time(start), "ends_at": time((start + 8) % 24)}
        factories.make_shift(session, site, name=name, **times)
    camera = factories.make_camera(
        session, factories.make_station(session, factories.make_line(session, site))
    )
    span = days_until(day, 1, VIENNA)
    moments = int(span.duration / (10 * MINUTE))
    for n in range(-40, moments + 60):
        verdict = "fail" if n % 7 == 0 else "pass"
        factories.decide(session, camera, verdict, captured_at=span.start + n * 10 * MINUTE)
    shifts = shifts_of(session, site)
    ids = [camera.station_id]
    whole = quality.tallies(session, ids, [(span.start, span.end)])[0][ids[0]]
    assert whole.inspected == moments
    for by in (By.SHIFT, By.HOUR, By.QUARTER):
        cut = steps(edges(span, by, shifts, VIENNA, span.end))
        parts = [each.get(ids[0], Tally()) for each in quality.tallies(session, ids, cut)]
        assert sum(parts, Tally()) == whole, by
    # The night shift of the evening before has the missing hour, or the one that comes twice.
    night = shift_on(shifts[2], day - timedelta(days=1), VIENNA)
    report = load_report(session, [camera.station], (night.start, night.end)).stations[0]
    assert report.tally.inspected == int(night.duration / (10 * MINUTE)) in (42, 54)


def test_a_report_says_what_became_of_every_image(session: Session) -> None:
    camera = factories.make_camera(session, key="left", interval_s=30.0, created_at=NOW - 9 * HOUR)
    station = camera.station
    verdicts: list[tuple[int, Verdict]] = [
        (minute, Verdict.FAIL if minute in (3, 33) else Verdict.PASS)
        for minute in [*range(20), *range(30, 60)]
    ]
    failed = []
    for minute, verdict in verdicts:
        found = [Found()] if verdict is Verdict.FAIL else []
        one = factories.decide(
            session, camera, verdict, found=found, captured_at=NOW + minute * MINUTE
        )
        if verdict is Verdict.FAIL:
            failed.append(one)
    factories.decide(
        session, camera, "not_inspected", captured_at=NOW + 59 * MINUTE, reason="blind"
    )
    factories.make_acquisition(session, camera, captured_at=NOW + 59 * MINUTE)
    for reason, count in (("database", 4), ("trigger", 9)):
        session.add(CameraMinute(camera_id=camera.id, minute=NOW, reason=reason, count=count))
    for action in ("rework", "scrap"):  # the newest word counts
        session.add(Disposition(inspection_id=failed[0].id, action=action, actor="Ada"))
    session.add(Disposition(inspection_id=failed[1].id, action="withdrawn", actor="Ada"))
    factories.make_discrepancy(
        session, failed[0], state="resolved", closed_at=NOW + 2 * HOUR, kind="a"
    )
    factories.make_discrepancy(
        session, failed[1], opened_at=NOW - HOUR, closed_at=NOW + MINUTE, state="resolved", kind="b"
    )
    factories.make_discrepancy(session, failed[1], opened_at=NOW + 2 * HOUR, kind="c")
    report = load_report(session, [station], (NOW, NOW + HOUR))
    (station_report,) = report.stations
    _one_report(station_report, report.discrepancies)


def _one_report(one: StationReport, listed: Sequence[Discrepancy]) -> None:
    assert one.tally == Tally(passed=48, failed=2, not_inspected=1)
    assert (one.waiting, one.lost, one.acquired) == (1, 4, 56)
    assert one.coverage == pytest.approx(50 / 56)
    assert one.reasons == {"blind": 1}
    assert one.pareto == [("crack", 2)]
    assert one.dispositions == {"scrap": 1}
    assert (one.opened, one.closed) == (1, 1)
    assert [row.kind for row in listed] == ["b", "a"]
    (gap,) = one.gaps
    assert (gap.camera_key, gap.since, gap.until) == ("left", NOW + 20 * MINUTE, NOW + 30 * MINUTE)
    assert one.downtime == 10 * MINUTE


def test_a_report_before_its_shift_is_empty(session: Session) -> None:
    line = session.scalars(select(Line)).first()
    assert line is None
    assert load_report(session, [], (NOW, NOW)).stations == []
