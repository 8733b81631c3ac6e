"""Committing claims on both databases: the fence, the batches, and the lock on a station."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db.engine import Database
from db.models import Acquisition, Alert, Discrepancy, Finding, Inspection, MeasurementRow
from db.queries.acquisitions import resend
from db.queries.claims import Claim, claim
from db.queries.commits import Committed, commit_results
from db.queries.ledger import read_ledger
from db.queries.results import NewInspection, insert_inspections
from inspection.judgement import Deviation, JudgedFinding, Judgement, Measurement
from inspection.recipe import DiscrepancyPolicy
from inspection.verdicts import Reason, Verdict
from tests.factories import make_acquisition, make_camera

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PASSED = Judgement(Verdict.PASS, "no findings", size_wh=(640, 480))


def cracked(*lengths_mm: float, place: str = "upper left") -> Judgement:
    findings = tuple(
        JudgedFinding(
            "crack",
            0.9,
            (1, 2, 30, 40),
            {"size": [480, 640], "counts": "abc"},
            (
                Measurement("length", length_mm, "mm", 2.0, 3.0, Verdict.FAIL),
                Measurement("orientation", 12.0, "deg"),
            ),
            Verdict.FAIL,
            place,
        )
        for length_mm in lengths_mm
    )
    return Judgement(
        Verdict.FAIL,
        "crack",
        size_wh=(640, 480),
        findings=findings,
        measurements=(Measurement("count", len(findings), "1", place="whole"),),
        deviations=(Deviation("crack", place, Verdict.FAIL, "crack 4.8 mm > 3.0 mm"),),
    )


def claimed(database: Database, count: int = 1) -> Claim:
    """A camera with so many acquisitions, all claimed."""
    with database.sessions.begin() as session:
        camera = make_camera(session)
        for number in range(count):
            make_acquisition(
                session,
                camera,
                captured_at=START + timedelta(seconds=number),
                image_key="k",
                image_sha256="0" * 64,
            )
    return take(database, count)


def take(database: Database, count: int = 8) -> Claim:
    with database.sessions.begin() as session:
        held = claim(session, "inspect", lease_s=30, limit=lambda model: count)
    assert held is not None
    return held


def commit(
    session: Session, held: Claim, *judgements: Judgement, policy: DiscrepancyPolicy | None = None
) -> Committed:
    results = [
        NewInspection(frame.frame, judgement, engine_ms=61.5)
        for frame, judgement in zip(held.frames, judgements, strict=False)
    ]
    versions = {frame.frame.recipe_version_id for frame in held.frames}
    return commit_results(
        session, held.token, results, dict.fromkeys(versions, policy or DiscrepancyPolicy())
    )


def test_findings_keep_their_own_measurements(any_database: Database) -> None:
    held = claimed(any_database, 3)
    with any_database.sessions.begin() as session:
        written = commit(session, held, cracked(1.5, 4.8), PASSED, cracked(9.0))
    assert [one.verdict for one in written.inspections] == ["fail", "pass", "fail"]
    with any_database.reads() as session:
        rows = session.execute(
            select(Inspection.acquisition_id, Finding.id, MeasurementRow.value)
            .join(Finding, Finding.inspection_id == Inspection.id)
            .join(MeasurementRow, MeasurementRow.finding_id == Finding.id)
            .where(MeasurementRow.name == "length")
            .order_by(Finding.id)
        ).all()
        first, _, third = held.frames
        assert [(row[0], row[2]) for row in rows] == [
            (first.acquisition_id, 1.5),
            (first.acquisition_id, 4.8),
            (third.acquisition_id, 9.0),
        ]
        inspection = session.scalars(select(Inspection).order_by(Inspection.id)).first()
        assert inspection is not None
        assert (inspection.image_width_px, inspection.image_height_px) == (640, 480)
        assert (inspection.engine_ms, inspection.image_sha256) == (61.5, "0" * 64)
        assert [(row.name, row.value) for row in inspection.measurements] == [("count", 2.0)]
        assert read_ledger(session).as_dict()["consistent"]
        assert session.scalars(select(Acquisition.state).distinct()).all() == ["done"]


def test_who_lost_its_claim_writes_nothing(any_database: Database) -> None:
    zombie = claimed(any_database, 2)
    with any_database.sessions.begin() as session:
        for acquisition in session.scalars(select(Acquisition)):
            acquisition.lease_until = START
    other = take(any_database)  # the first of the two, alone
    with any_database.sessions.begin() as session:
        written = commit(session, zombie, cracked(5), cracked(5))
        # The second was not taken over, and its verdict is as good as any.
        assert [one.acquisition_id for one in written.inspections] == [
            zombie.frames[1].acquisition_id
        ]
    with any_database.sessions.begin() as session:
        assert len(commit(session, other, PASSED).inspections) == 1
    with any_database.sessions.begin() as session:
        assert commit(session, other, PASSED) == Committed((), ())
        assert commit(session, zombie, cracked(5), cracked(5)) == Committed((), ())
    with any_database.reads() as session:
        ledger = read_ledger(session)
    assert (ledger.passed, ledger.failed, ledger.in_flight) == (1, 1, 0)
    assert ledger.consistent


def test_an_acquisition_cannot_have_two_verdicts(any_database: Database) -> None:
    held = claimed(any_database)
    new = NewInspection(held.frames[0].frame, PASSED)
    with any_database.sessions.begin() as session:
        insert_inspections(session, [new])
    with pytest.raises(IntegrityError), any_database.sessions.begin() as session:
        insert_inspections(session, [new])


def test_a_claim_is_committed_whole_or_not_at_all(any_database: Database) -> None:
    held = claimed(any_database, 3)
    broken = Judgement(Verdict.PASS, "", size_wh=(1, 1), measurements=(None,))  # type: ignore[arg-type]
    with pytest.raises(AttributeError), any_database.sessions.begin() as session:
        commit(session, held, cracked(5), PASSED, broken)
    with any_database.reads() as session:
        assert session.scalars(select(Inspection)).all() == []
        assert session.scalars(select(Discrepancy)).all() == []
        assert read_ledger(session).in_flight == 3


def test_opening_and_resolving_leave_their_alerts(any_database: Database) -> None:
    held = claimed(any_database, 4)
    with any_database.sessions.begin() as session:
        written = commit(
            session, held, cracked(5), PASSED, PASSED, policy=DiscrepancyPolicy(resolve_after=2)
        )
    assert [change.state for change in written.discrepancies] == ["resolved"]
    with any_database.reads() as session:
        alerts = session.scalars(select(Alert).order_by(Alert.id)).all()
        assert [alert.event for alert in alerts] == ["discrepancy.opened", "discrepancy.resolved"]
        discrepancy = session.scalars(select(Discrepancy)).one()
        assert discrepancy.closed_at == START + timedelta(seconds=2)


def test_two_workers_open_a_discrepancy_once(any_database: Database) -> None:
    one = claimed(any_database, 2)
    # Split the claim, as if two workers held a half each.
    with any_database.sessions.begin() as session:
        session.get_one(Acquisition, one.frames[1].acquisition_id).token = "other"
    other = Claim("other", one.model, one.frames[1:])
    failures: list[BaseException] = []

    def write(held: Claim) -> None:
        try:
            with any_database.sessions.begin() as session:
                commit(session, held, cracked(5))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=write, args=[held]) for held in (one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with any_database.reads() as session:
        discrepancy = session.scalars(select(Discrepancy)).one()
        assert len(session.scalars(select(Alert)).all()) == 1
        # The later frame may have been first; then the earlier one changed nothing.
        assert discrepancy.seen_count in (1, 2)
        assert read_ledger(session).consistent


def test_what_was_sent_again_is_as_old_as_its_picture(any_database: Database) -> None:
    held = claimed(any_database, 2)
    failed = Judgement.not_inspected(Reason.FAILED, "five attempts")
    with any_database.sessions.begin() as session:
        commit(session, held, failed, PASSED)
    first = held.frames[0].acquisition_id
    for judgement in (Judgement.not_inspected(Reason.FAILED, "again"), cracked(5)):
        with any_database.sessions.begin() as session:
            first = resend(session, first).acquisition_id
        again = take(any_database)
        with any_database.sessions.begin() as session:
            written = commit(session, again, judgement)
    assert [one.verdict for one in written.inspections] == ["fail"]
    assert written.discrepancies == ()  # a newer frame of that camera has passed since
