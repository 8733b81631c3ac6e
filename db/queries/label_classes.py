"""Which classes a label at a station may have."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Annotation, Inspection, LabelledImage, ModelVersion, RecipeVersion, Station

_INSPECTIONS_READ = 100


def known_classes(session: Session, station_id: int) -> list[str]:
    """Classes of the station's recipe, of the model that judged last, and of its labels.

    In this order, since it is that of the number keys; each once.
    """
    names: dict[str, None] = {}
    for each in (
        _of_recipe(session, station_id),
        _of_model(session, station_id),
        _of_labels(session, station_id),
    ):
        names |= dict.fromkeys(each)
    return list(names)


def _of_recipe(session: Session, station_id: int) -> list[str]:
    body = session.scalar(
        select(RecipeVersion.body)
        .join(Station, Station.recipe_version_id == RecipeVersion.id)
        .where(Station.id == station_id)
    )
    classes = body.get("classes") if isinstance(body, dict) else None
    return [str(name) for name in classes] if isinstance(classes, dict) else []


def _of_model(session: Session, station_id: int) -> list[str]:
    newest = session.scalars(
        select(Inspection.model_version_id)
        .where(Inspection.station_id == station_id)
        .order_by(Inspection.id.desc())
        .limit(_INSPECTIONS_READ)
    )
    version_id = next((each for each in newest if each is not None), None)
    if version_id is None:
        return []
    manifest = session.scalar(select(ModelVersion.manifest).where(ModelVersion.id == version_id))
    classes = manifest.get("classes") if isinstance(manifest, dict) else None
    return [str(name) for name in classes] if isinstance(classes, list) else []


def _of_labels(session: Session, station_id: int) -> list[str]:
    return list(
        session.scalars(
            select(Annotation.class_name)
            .join(LabelledImage, LabelledImage.id == Annotation.image_id)
            .where(LabelledImage.station_id == station_id, Annotation.revision_to.is_(None))
            .distinct()
            .order_by(Annotation.class_name)
        )
    )
