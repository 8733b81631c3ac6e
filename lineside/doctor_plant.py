"""Checks of the plant: data folder, database, models, cameras."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from lineside.data_folder import file_system, is_on_network
from lineside.doctor_findings import Finding, Patient, Status

if TYPE_CHECKING:
    from db.queries.cameras import CameraSpec

LEAST_FREE_BYTES = 2_000_000_000
_CONNECT_TIMEOUT_S = 2.0


def data_folder(patient: Patient) -> Iterator[Finding]:
    folder = patient.data_dir
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK) or not existing.is_dir():
        remedy = "Set LINESIDE_DATA_DIR to a folder that you may write to."
        yield Finding("data folder", Status.MISSING, f"cannot write in {existing}", remedy)
        return
    free = shutil.disk_usage(existing).free
    kind = file_system(existing)
    text = f"{folder}, {free / 1e9:.1f} GB free{f', {kind}' if kind else ''}"
    if free < LEAST_FREE_BYTES:
        remedy = "Free some: images take up to LINESIDE_RETENTION_BYTES (5 GB)."
        yield Finding("data folder", Status.WARNING, text, remedy)
    elif is_on_network(existing) and patient.database_url.startswith("sqlite"):
        remedy = "SQLite can be damaged on a network file system: use a local folder or PostgreSQL."
        yield Finding("data folder", Status.WARNING, text, remedy)
    else:
        yield Finding("data folder", Status.OK, text)


def database(patient: Patient) -> Iterator[Finding]:
    from sqlalchemy import make_url
    from sqlalchemy.exc import SQLAlchemyError

    from db import migrate
    from db.engine import connect

    try:
        url = make_url(patient.database_url)
    except SQLAlchemyError as error:
        remedy = "LINESIDE_DATABASE_URL looks like postgresql+psycopg://user:password@host/name"
        yield Finding("database", Status.MISSING, str(error), remedy)
        return
    where = url.render_as_string(hide_password=True)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield Finding("database", Status.OK, f"{where} is made by `lineside up`")
        return
    try:
        opened = connect(patient.database_url)
        try:
            current = migrate.is_current(opened.engine)
        finally:
            opened.dispose()
    except (SQLAlchemyError, ModuleNotFoundError) as error:
        cause = getattr(error, "orig", None) or error
        remedy = "Start it, or unset LINESIDE_DATABASE_URL to use SQLite in the data folder."
        yield Finding("database", Status.MISSING, f"{where} cannot be used: {cause}", remedy)
        return
    if current:
        yield Finding("database", Status.OK, f"{where}, tables up to date")
    else:
        text = f"{where}, tables of another version"
        yield Finding("database", Status.WARNING, text, "lineside migrate (`lineside up` does it)")


def models(patient: Patient) -> Iterator[Finding]:
    """Every file of every model against its SHA-256."""
    from inspection.model_folder import ModelFolderError, list_models, load_model_folder

    found = list_models([patient.models_dir] if patient.models_dir else [])
    if not found:
        yield Finding("models", Status.MISSING, "none found", "pip install 'lineside[workers]'")
        return
    good = []
    for name, path in found.items():
        try:
            folder = load_model_folder(path)
            good.append(f"{name} {folder.version}")
        except ModelFolderError as error:
            remedy = "Get the folder anew; a model whose files have changed is not run."
            yield Finding("models", Status.MISSING, str(error), remedy)
    if good:
        yield Finding("models", Status.OK, f"verified: {', '.join(good)}")


def cameras(patient: Patient) -> Iterator[Finding]:
    """Whether each camera's source is there. Nothing is played."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.engine import connect
    from db.queries.cameras import cameras_to_run

    is_file = patient.database_url.startswith("sqlite")
    if is_file and not Path(patient.database_url.partition("///")[2]).exists():
        yield Finding("cameras", Status.NOTE, "none yet; `lineside up` brings a sample plant")
        return
    opened = connect(patient.database_url)
    try:
        with opened.reads() as session:
            specs = cameras_to_run(session)
    except SQLAlchemyError:
        return  # the check of the database has said why
    finally:
        opened.dispose()
    for spec in specs:
        problem = _problem(spec)
        subject = f"camera {spec.key}"
        if problem is None:
            yield Finding(subject, Status.OK, f"{spec.kind} {spec.source}".strip())
        else:
            remedy = "It stays offline until its source is there; the others run."
            yield Finding(subject, Status.WARNING, problem, remedy)


def _problem(spec: "CameraSpec") -> str | None:
    if spec.kind in ("file", "folder", "usb"):
        is_device = spec.kind == "usb" and spec.source.isdigit()
        path = Path(f"/dev/video{spec.source}" if is_device else spec.source)
        return None if path.exists() else f"{path} is not there"
    if spec.kind == "rtsp":
        address = urlsplit(spec.source)
        try:
            # Only the connection: no password is sent, and no stream is opened.
            socket.create_connection(
                (address.hostname or "", address.port or 554), timeout=_CONNECT_TIMEOUT_S
            ).close()
        except OSError as error:
            return f"{address.hostname} does not answer: {error}"
    return None


def calibrations(patient: Patient) -> Iterator[Finding]:
    """Whether the calibration by which each station measures is about to expire, or has."""
    from sqlalchemy.exc import SQLAlchemyError

    from db.base import utc_now
    from db.engine import connect
    from db.queries.calibrations import scales_by_station

    is_file = patient.database_url.startswith("sqlite")
    if is_file and not Path(patient.database_url.partition("///")[2]).exists():
        return
    now = utc_now()
    opened = connect(patient.database_url)
    try:
        with opened.reads() as session:
            found = scales_by_station(session, now)
    except SQLAlchemyError:
        return  # the check of the database has said why
    finally:
        opened.dispose()
    for station, calibration in found.items():
        subject, state = f"calibration of {station}", calibration.state_at(now)
        if calibration.expires_at is None or state == "valid":
            yield Finding(subject, Status.OK, f"{calibration.mm_per_px:.4g} mm/px")
            continue
        day = f"{calibration.expires_at:%Y-%m-%d}"
        remedy = f"lineside calibrate … --station {station}; by an expired one nothing passes."
        if state == "expired":
            yield Finding(subject, Status.WARNING, f"expired on {day}", remedy)
        else:
            days = calibration.days_left(now)
            text = f"expires in {days} {'day' if days == 1 else 'days'}, on {day}"
            yield Finding(subject, Status.WARNING, text, remedy)


CHECKS = (data_folder, database, models, cameras, calibrations)
