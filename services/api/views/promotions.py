"""Promotion and rollback: one action at a station, or at all that a champion judges."""

from datetime import datetime

from flask import Response
from pydantic import Field
from sqlalchemy import select

from db.access import Permission
from db.errors import Invalid
from db.models import Promotion, Station
from db.paging import page_of_entities
from db.queries import promotions as queries
from db.queries import registry
from db.queries.stations import get_station
from services.api import answers
from services.api.answers import answer
from services.api.fields import Body, Id, Note, Output, RefPath
from services.api.paging import PageQuery
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.reach import reaches
from services.api.resource import make_blueprint
from services.api.values import values
from services.api.views.registered_models import Name

blueprint = make_blueprint("promotions", "Models becoming champion, and the way back.")


class NewPromotion(Body):
    model: Name
    version_id: Id | None = Field(
        None, description="The recipe version that was active when this was decided."
    )
    reason: Note = Field("", description="An admin's own words, where the gate is not passed.")


class NewPromotions(Body):
    model: Name
    champion: Name = Field(description="At all stations whose recipe names this model.")
    reason: Note = ""


class PromotionOut(Output):
    id: int
    station_id: int
    model_id: int
    gate_run_id: int | None
    recipe_version_id: int
    before_version_id: int
    override_reason: str
    at: datetime
    by: str
    rolled_back_at: datetime | None
    rolled_back_by: str


class PromotionPage(Output):
    items: list[PromotionOut]
    next: str | None


class PromotionList(Output):
    items: list[PromotionOut]


@blueprint.get("/promotions", responses=responses({200: PromotionPage}))
@needs(Permission.LAB)
def list_promotions(query: PageQuery) -> Response:
    """List promotions, the newest first."""
    with values().database.reads() as session:
        rows = page_of_entities(
            session,
            Promotion,
            select(Promotion),
            Promotion.id,
            after=query.after,
            limit=query.limit,
            newest_first=True,
        )
    return answers.page(PromotionPage, rows, PromotionOut.model_validate)


@blueprint.post(
    "/stations/<ref>/promotions", responses=responses({201: PromotionOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def promote_at_station(path: RefPath, body: NewPromotion) -> Response:
    """Make a model what a station inspects by, from the next acquisition on."""
    with values().database.reads() as session:
        station = get_station(session, path.ref)
    expected = body.version_id or station.recipe_version_id
    done = _promote(body.model, [station], {station.id: expected}, body.reason)
    return answer(PromotionOut.model_validate(done.promotions[0]), 201)


@blueprint.post("/promotions", responses=responses({201: PromotionList}, 400, 404, 409, 413, 415))
@needs(Permission.LAB)
def promote_everywhere(body: NewPromotions) -> Response:
    """Make a model what all stations of a champion inspect by, in one transaction."""
    with values().database.reads() as session:
        found = queries.stations_of_champion(session, body.champion)
    if not found:
        raise Invalid("champion", body.champion, "a model that a station inspects by")
    expected = {each.id: each.recipe_version_id for each in found}
    done = _promote(body.model, found, expected, body.reason)
    items = [PromotionOut.model_validate(each) for each in done.promotions]
    return answer(PromotionList(items=items), 201)


@blueprint.post("/stations/<ref>/rollback", responses=responses({200: PromotionOut}, 404, 409))
@needs(Permission.LAB)
def roll_back(path: RefPath) -> Response:
    """Make active again what was before the newest promotion at a station."""
    with values().database.sessions.begin() as session:
        station = get_station(session, path.ref)
        row = queries.rollback(session, station, by=actor_name(None))
        station_id = station.id
    values().events.publish({"type": "station", "station_id": station_id})
    return answer(PromotionOut.model_validate(row))


def _promote(
    model: str, stations: list[Station], expected: dict[int, int | None], reason: str
) -> queries.Promoted:
    these = values()
    override = reaches(Permission.OVERRIDE, {each.line_id for each in stations})
    with these.database.sessions.begin() as session:
        registry.adopt(session, model, these.models_dirs, by=actor_name(None))
        done = queries.promote(
            session,
            model,
            expected,
            by=actor_name(None),
            may={Permission.OVERRIDE} if override else (),
            reason=reason,
        )
    for each in stations:
        these.events.publish({"type": "station", "station_id": each.id})
    return done
