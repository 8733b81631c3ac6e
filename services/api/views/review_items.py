"""The review queue: what somebody should look at, what they say, and the rates of the sample."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from flask import Response
from pydantic import Field

from db.access import Permission
from db.base import utc_now
from db.models import ReviewItem
from db.queries import review_blind, review_queue, review_rates, review_sampling
from db.queries.review_queue import QueueFilter, Word
from db.queries.review_sampling import Sampling
from db.queries.stations import get_station
from inspection.kappa import Kappa
from inspection.ranking import ReviewReason
from services.api.answers import answer
from services.api.fields import Actor, Body, IdPath, Input, Limit, Output, Ref, RefPath, Whole
from services.api.fields import Line as OneLine
from services.api.permissions import actor_name, needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("review-items", "What somebody should look at, and what they say.")

State = Literal["open", "done", "skipped", "duplicate", "withdrawn"]


class ReviewItemOut(Output):
    id: int
    inspection_id: int
    station_id: int
    reason: ReviewReason
    class_name: str = Field(description="Which class it is about; empty: none in particular.")
    priority: float = Field(description="What a label would teach, 0 to 1.")
    probability: float | None = Field(description="With which it was drawn; of `random` alone.")
    detail: str
    state: State
    duplicate_of_id: int | None
    created_at: datetime
    closed_at: datetime | None
    closed_by: str


class ReviewItemPage(Output):
    items: list[ReviewItemOut]
    total: int
    next: str | None = Field(description="`offset` of the next page.")


class ReviewItemQuery(Input):
    station: Ref | None = Field(None, description="Only of this station, by its id or key.")
    reason: ReviewReason | None = None
    class_: OneLine | None = Field(None, alias="class", max_length=100)
    state: State = "open"
    limit: Limit = Field(50, description="Items a page.")
    offset: Annotated[int, Field(ge=0, le=1_000_000), Whole] = 0


class Confirmation(Body):
    word: Literal["good", "bad"] = Field(description="What the part is.")
    class_name: OneLine = Field(
        "", alias="class", max_length=100, description="What was missed, where it passed."
    )
    actor: Actor = Field(default_factory=str)


class Act(Body):
    actor: Actor = Field(default_factory=str)


class ReadingIn(Body):
    word: Literal["good", "bad"]
    actor: Actor = Field(default_factory=str)


class BlindItem(Output):
    id: int
    station_id: int
    acquisition_id: int = Field(description="Whose image is to be judged, and nothing else.")


class BlindNext(Output):
    item: BlindItem | None
    waiting: int


class Share(Output):
    share: float | None = Field(description="None: nothing was sampled of what it is a share of.")
    low: float = Field(description="Of the 95 % interval, as `high`.")
    high: float
    hits: int
    of: int
    effective: float = Field(description="Size of a simple random sample that tells as much.")


class RatesOut(Output):
    since: datetime
    model_version_id: int | None
    drawn: int
    answered: int = Field(description="Of how many of these somebody said what is so.")
    escapes: Share = Field(description="Bad parts that passed, of the bad ones.")
    false_calls: Share = Field(description="Good parts that failed or warned, of the good ones.")
    bad: Share = Field(description="Bad parts, of all.")


class RatesQuery(Input):
    days: Annotated[int, Field(ge=1, le=3650), Whole] = 30


class KappaOut(Output):
    kappa: float | None = Field(description="None: not defined.")
    agreement: float | None
    se: float | None
    low: float | None
    high: float | None
    things: int


class AgreementOut(Output):
    month: str = Field(description="Such as 2026-11; empty: of all months.")
    between: KappaOut
    with_model: KappaOut


class AgreementList(Output):
    items: list[AgreementOut]


class StationQuery(Input):
    station: Ref | None = Field(None, description="Only of this station, by its id or key.")


class SamplingBody(Body):
    per_day: float | None = Field(None, ge=0, le=100_000)
    share: float | None = Field(None, ge=0, le=1)
    blind_share: float = Field(0.2, ge=0, le=1)


class SamplingOut(Output):
    per_day: float | None
    share: float | None
    blind_share: float


@blueprint.get("/review-items", responses=responses({200: ReviewItemPage}, 404))
@needs(Permission.LAB)
def list_review_items(query: ReviewItemQuery) -> Response:
    """List what somebody should look at, what teaches most first.

    What two people are to read blind is left out until both have.
    """
    with values().database.reads() as session:
        station = get_station(session, query.station) if query.station else None
        wanted = QueueFilter(
            station.id if station else None, query.reason, query.class_, query.state
        )
        found = review_queue.list_items(session, wanted, offset=query.offset, limit=query.limit)
    items = [ReviewItemOut.model_validate(row) for row in found.rows]
    after = None if found.next_offset is None else str(found.next_offset)
    return answer(ReviewItemPage(items=items, total=found.total, next=after))


@blueprint.post(
    "/review-items/<id>/confirm",
    responses=responses({200: ReviewItemOut}, 400, 404, 409, 413, 415),
)
@needs(Permission.LAB)
def confirm_review_item(path: IdPath, body: Confirmation) -> Response:
    """Say that the part is good or bad: a review, which closes what asked for one."""
    with values().database.sessions.begin() as session:
        item = review_queue.get_item(session, path.id)
        said = review_queue.confirm(
            session,
            path.id,
            Word(body.word),
            actor_name(body.given().get("actor")),
            class_name=body.class_name,
        )
    its = {"station_id": item.station_id, "inspection_id": item.inspection_id}
    values().events.publish({"type": "decision", **its})
    for discrepancy_id in said.settled.changed:
        state = "false_call" if discrepancy_id in said.settled.closed else "open"
        values().events.publish(
            {"type": "discrepancy", **its, "discrepancy_id": discrepancy_id, "state": state}
        )
    return _answer(item)


@blueprint.post(
    "/review-items/<id>/skip", responses=responses({200: ReviewItemOut}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def skip_review_item(path: IdPath, body: Act) -> Response:
    """Put an item aside."""
    with values().database.sessions.begin() as session:
        item = review_queue.skip(session, path.id, actor_name(body.given().get("actor")))
    return _answer(item)


@blueprint.post(
    "/review-items/<id>/reopen",
    responses=responses({200: ReviewItemOut}, 400, 404, 409, 413, 415),
)
@needs(Permission.LAB)
def reopen_review_item(path: IdPath, body: Act) -> Response:
    """Take a skip back."""
    with values().database.sessions.begin() as session:
        item = review_queue.reopen(session, path.id)
    return _answer(item)


@blueprint.get("/review-blind", responses=responses({200: BlindNext}, 404))
@needs(Permission.LAB)
def next_blind_review(query: StationQuery) -> Response:
    """The next picture that who asks has not read and two people have not: no verdict, no word."""
    with values().database.reads() as session:
        station = get_station(session, query.station) if query.station else None
        by = actor_name(None)
        item = review_blind.next_for(session, by, station.id if station else None)
        found = None
        if item is not None:
            found = BlindItem(
                id=item.id,
                station_id=item.station_id,
                acquisition_id=item.inspection.acquisition_id,
            )
        waiting = review_blind.waiting_for(session, by)
    return answer(BlindNext(item=found, waiting=waiting))


@blueprint.post(
    "/review-items/<id>/readings", responses=responses({200: BlindNext}, 400, 404, 409, 413, 415)
)
@needs(Permission.LAB)
def read_blind(path: IdPath, body: ReadingIn) -> Response:
    """Say good or bad without having seen another's word; once for each person."""
    with values().database.sessions.begin() as session:
        by = actor_name(body.given().get("actor"))
        review_blind.read(session, path.id, Word(body.word), by)
        waiting = review_blind.waiting_for(session, by)
    return answer(BlindNext(item=None, waiting=waiting))


@blueprint.get("/review-agreement", responses=responses({200: AgreementList}, 404))
@needs(Permission.LAB)
def get_review_agreement(query: StationQuery) -> Response:
    """Cohen's kappa between two people and between people and the model: in all, then by month."""
    with values().database.reads() as session:
        station = get_station(session, query.station) if query.station else None
        found = review_blind.agreement(session, station.id if station else None)
    items = [
        AgreementOut(
            month=each.month, between=_kappa(each.between), with_model=_kappa(each.with_model)
        )
        for each in found
    ]
    return answer(AgreementList(items=items))


@blueprint.get("/stations/<ref>/review-rates", responses=responses({200: RatesOut}, 404))
@needs(Permission.LAB)
def get_review_rates(path: RefPath, query: RatesQuery) -> Response:
    """Escape and false-call rate of what runs, from the random sample alone."""
    since = utc_now() - timedelta(days=query.days)
    with values().database.reads() as session:
        station = get_station(session, path.ref)
        found = review_rates.rates(session, station.id, since=since)
    return answer(
        RatesOut(
            since=since,
            model_version_id=found.model_version_id,
            drawn=found.drawn,
            answered=found.answered,
            escapes=Share.model_validate(found.escapes),
            false_calls=Share.model_validate(found.false_calls),
            bad=Share.model_validate(found.bad),
        )
    )


@blueprint.get("/stations/<ref>/review-sampling", responses=responses({200: SamplingOut}, 404))
@needs(Permission.LAB)
def get_review_sampling(path: RefPath) -> Response:
    """How much of a station is drawn at random."""
    with values().database.reads() as session:
        found = review_sampling.sampling_of(session, get_station(session, path.ref).id)
    return answer(SamplingOut.model_validate(found))


@blueprint.put(
    "/stations/<ref>/review-sampling",
    responses=responses({200: SamplingOut}, 400, 404, 413, 415),
)
@needs(Permission.LAB)
def set_review_sampling(path: RefPath, body: SamplingBody) -> Response:
    """Draw a number a day or a share, from the next day on that nothing was drawn of yet."""
    wanted = Sampling(body.per_day, body.share, body.blind_share)
    with values().database.sessions.begin() as session:
        station = get_station(session, path.ref)
        row = review_sampling.set_sampling(session, station.id, wanted)
    return answer(SamplingOut.model_validate(row))


def _answer(item: ReviewItem) -> Response:
    return answer(ReviewItemOut.model_validate(item))


def _kappa(found: Kappa) -> KappaOut:
    return KappaOut.model_validate(found)
