"""Which model a worker judged with, by content."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.base import utc_now
from db.models import ModelVersion


def model_version_id(
    session: Session, name: str, version: str, engine: str, manifest: dict[str, Any]
) -> int:
    """The row of a model version as one engine runs it, made where it is not there yet.

    Args:
        version: content hash of the model folder.
        manifest: its model.json, kept for the day on which the folder is gone.
    """
    found = select(ModelVersion.id).where(
        ModelVersion.name == name,
        ModelVersion.version == version,
        ModelVersion.engine == engine,
    )
    row_id = session.scalar(found)
    if row_id is None:
        values = {
            "name": name,
            "version": version,
            "engine": engine,
            "manifest": manifest,
            "first_used_at": utc_now(),
        }
        # Two workers may meet a new model at once: then the other one's row is found below.
        if session.get_bind().dialect.name == "sqlite":
            session.execute(sqlite.insert(ModelVersion).values(values).on_conflict_do_nothing())
        else:
            session.execute(postgresql.insert(ModelVersion).values(values).on_conflict_do_nothing())
        row_id = session.scalars(found).one()
    return row_id
