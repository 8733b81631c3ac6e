"""Models: the folders that are here, what their cards say, and where they are used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import render_template
from sqlalchemy import select
from sqlalchemy.orm import Session

from dashboards.lab.routes import blueprint
from dashboards.permissions import needs
from dashboards.values import values
from db.access import Permission
from db.errors import NotFound
from db.models import ModelVersion, Station
from db.queries import gates, model_uploads, promotions, registry_list
from db.queries.stations import active_versions
from inspection.inference import split_inference
from inspection.model_card import read_card
from inspection.model_folder import ModelFolder, ModelFolderError, list_models, read_manifest

_LONGEST_METRICS = 200


@dataclass(frozen=True)
class ListedModel:
    """Attributes:
    problem: why the folder cannot be used.
    active_at: stations that inspect by it.
    """

    name: str
    folder: ModelFolder | None
    problem: str
    active_at: tuple[Station, ...]


@blueprint.get("/models")
@needs(Permission.LAB)
def models() -> str:
    return render_template("lab/models.html", problem="", **shown_models())


def shown_models() -> dict[str, Any]:
    """What the list of models shows."""
    here = list_models(values().lab.models_dirs)
    with values().database.reads() as session:
        using = _using(session)
        judged = session.scalars(
            select(ModelVersion).order_by(ModelVersion.id.desc()).limit(200)
        ).all()
        registered = registry_list.listed(session, values().lab.models_dirs)
        uploads = model_uploads.newest(session)
    return {
        "listed": registered,
        "judged": judged,
        "uploads": uploads,
        "using": using,
        "missing": {name: at for name, at in using.items() if name not in here},
        "may_upload": bool(values().lab.models_dirs),
    }


@blueprint.get("/models/<model>")
@needs(Permission.LAB)
def models_one(model: str) -> str:
    with values().database.reads() as session:
        using = _using(session)
        judged = session.scalars(
            select(ModelVersion).where(ModelVersion.name == model).order_by(ModelVersion.id.desc())
        ).all()
        registered = {
            each.name: each for each in registry_list.listed(session, values().lab.models_dirs)
        }.get(model)
        row = registered.row if registered else None
        gate_runs = gates.of_model(session, row.id) if row else []
        promoted = promotions.history(session, row.id) if row else []
        stations = list(
            session.scalars(
                select(Station).where(Station.recipe_version_id.is_not(None)).order_by(Station.key)
            )
        )
    path = list_models(values().lab.models_dirs).get(model)
    if path is None and not judged and registered is None:
        raise NotFound("model", model)
    listed = (
        _listed(model, path, using)
        if path is not None
        else ListedModel(model, None, "", using.get(model, ()))
    )
    manifest = listed.folder.manifest if listed.folder else None
    metrics = dict(_flat(manifest.metrics, "")) if manifest else {}
    return render_template(
        "lab/model.html",
        model=listed,
        manifest=manifest,
        engines=[name for name, engine in manifest.engines if engine] if manifest else [],
        metrics=dict(list(metrics.items())[:_LONGEST_METRICS]),
        card=read_card(listed.folder) if listed.folder else None,
        judged=judged,
        registered=registered,
        gates=gate_runs,
        promoted=promoted,
        stations=[each for each in stations if each not in listed.active_at],
    )


def _listed(name: str, path: Path, using: Mapping[str, tuple[Station, ...]]) -> ListedModel:
    try:
        folder, problem = read_manifest(path), ""
    except ModelFolderError as error:
        folder, problem = None, error.reason
    return ListedModel(name, folder, problem, using.get(name, ()))


def _using(session: Session) -> dict[str, tuple[Station, ...]]:
    """The stations that inspect by each model, of those that one may see."""
    stations = session.scalars(select(Station).where(Station.recipe_version_id.is_not(None))).all()
    active = active_versions(session, stations)
    found: dict[str, tuple[Station, ...]] = {}
    for station in stations:
        name, _how = split_inference(active[station.id].model)
        found[name] = (*found.get(name, ()), station)
    return found


def _flat(metrics: Any, key: str) -> Iterator[tuple[str, str]]:
    """Nested figures with dotted names; long lists are counted, not shown."""
    if isinstance(metrics, Mapping):
        for name, inner in metrics.items():
            yield from _flat(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(metrics, list) and len(metrics) > 6:
        yield key, f"[{len(metrics)}]"
    else:
        text = f"{metrics:.4g}" if isinstance(metrics, float) else str(metrics)
        yield key, text[:200]
