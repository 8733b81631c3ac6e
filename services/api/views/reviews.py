"""What people say of inspections: whether a result is right, what it missed, and notes."""

from datetime import datetime
from typing import Annotated, Literal

from flask import Response
from pydantic import BaseModel, Field

from db.access import Permission
from db.models import Inspection
from db.queries import reviews as queries
from db.queries.reviews import MAX_CLASS, ReviewVerdict, Said
from services.api.answers import answer
from services.api.fields import LINE_PATTERN, Actor, Body, Id, IdPath, Note, Output
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("reviews", "What people say of results.")

Word = Literal["confirmed", "false_call", "missed", "noted"]


class ReviewPath(BaseModel):
    id: Id
    review_id: Id


class NewReview(Body):
    verdict: Word = Field(
        description="`confirmed`: the result is right. `false_call`: what was called deviating is"
        " good. `missed`: a defect of `class` was not found. `noted`: a note alone."
    )
    finding_id: Id | None = Field(None, description="One finding; None: the whole inspection.")
    class_name: Annotated[str, Field(max_length=MAX_CLASS, pattern=LINE_PATTERN)] = Field(
        "", alias="class", description="Of what was missed; goes with `missed` alone."
    )
    actor: Actor = "api"
    note: Note = ""


class Undoing(Body):
    actor: Actor = "api"


class ReviewOut(Output):
    id: int
    inspection_id: int
    finding_id: int | None
    class_name: str = Field(alias="class")
    verdict: Literal["confirmed", "false_call", "missed", "noted", "withdrawn"]
    note: str
    actor: str
    undoes_id: int | None = Field(
        description="The review that this one takes back; it says again what held before that."
    )
    at: datetime


class ReviewList(Output):
    items: list[ReviewOut]
    standing: list[int] = Field(description="Ids of what holds, one of each subject.")


class SaidOut(Output):
    review: ReviewOut
    closed: list[int] = Field(description="Ids of discrepancies that were called false with it.")
    reopened: list[int] = Field(description="Ids of discrepancies that are open again by it.")
    still_shown_by: int = Field(
        description="How many other images show a discrepancy that stays open."
    )


@blueprint.get("/inspections/<id>/reviews", responses=responses({200: ReviewList}, 404))
@needs(Permission.VIEW)
def list_reviews(path: IdPath) -> Response:
    """What was said of an inspection, the newest first, taken back or not."""
    with values().database.reads() as session:
        rows = queries.all_said(session, path.id)
    items = [ReviewOut.model_validate(row) for row in reversed(rows)]
    standing = [row.id for row in queries.standing(rows)]
    return answer(ReviewList(items=items, standing=standing))


@blueprint.post(
    "/inspections/<id>/reviews",
    responses=responses({200: SaidOut, 201: SaidOut}, 400, 404, 413, 415),
)
@needs(Permission.ACT)
def say(path: IdPath, body: NewReview) -> Response:
    """Say something of a result; 200: the same held already, and nothing was written.

    A false call of a whole inspection closes the discrepancies that rest on nothing but
    inspections that were called false.
    """
    with values().database.sessions.begin() as session:
        said = queries.say(
            session,
            path.id,
            ReviewVerdict(body.verdict),
            actor_name(body.given().get("actor")),
            finding_id=body.finding_id,
            class_name=body.class_name,
            note=body.note,
        )
        station_id = session.get_one(Inspection, path.id).station_id
    return _told(said, station_id, 201 if said.new else 200)


@blueprint.post(
    "/inspections/<id>/reviews/<review_id>/undo",
    responses=responses({201: SaidOut}, 400, 404, 409, 413, 415),
)
@needs(Permission.ACT)
def undo(path: ReviewPath, body: Undoing) -> Response:
    """Take back what was said last of its subject; what held before it holds again."""
    with values().database.sessions.begin() as session:
        actor = actor_name(body.given().get("actor"))
        said = queries.take_back(session, path.id, path.review_id, actor)
        station_id = session.get_one(Inspection, path.id).station_id
    return _told(said, station_id, 201)


def _told(said: Said, station_id: int, status: int) -> Response:
    """The answer; live screens hear of it first, as they do of what is said on a page."""
    review, settled = said.review, said.settled
    its = {"station_id": station_id, "inspection_id": review.inspection_id}
    values().events.publish({"type": "decision", **its})
    for discrepancy_id in settled.changed:
        state = "false_call" if discrepancy_id in settled.closed else "open"
        values().events.publish(
            {
                "type": "discrepancy",
                "station_id": station_id,
                "discrepancy_id": discrepancy_id,
                "state": state,
            }
        )
    shown = SaidOut(
        review=ReviewOut.model_validate(review),
        closed=list(settled.closed),
        reopened=list(settled.reopened),
        still_shown_by=settled.still_shown_by,
    )
    return answer(shown, status)
