"""Model versions that have judged something."""

from datetime import datetime
from typing import Any

from flask import Response
from sqlalchemy import select

from db.access import Permission
from db.models import ModelVersion
from db.paging import page_of_entities
from services.api import answers
from services.api.fields import Output
from services.api.paging import PageQuery
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("models", "Model versions that have judged something.")


class ModelVersionOut(Output):
    id: int
    name: str
    version: str
    engine: str
    manifest: dict[str, Any]
    first_used_at: datetime


class ModelVersionPage(Output):
    items: list[ModelVersionOut]
    next: str | None


@blueprint.get("/models", responses=responses({200: ModelVersionPage}))
@needs(Permission.LAB)
def list_models(query: PageQuery) -> Response:
    """List model versions, the newest first."""
    with values().database.reads() as session:
        rows = page_of_entities(
            session,
            ModelVersion,
            select(ModelVersion),
            ModelVersion.id,
            after=query.after,
            limit=query.limit,
            newest_first=True,
        )
    return answers.page(ModelVersionPage, rows, ModelVersionOut.model_validate)
