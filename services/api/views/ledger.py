"""The ledger: the numbers of `lineside audit`."""

from flask import Response
from pydantic import Field

from db.access import Permission
from db.queries.ledger import read_ledger
from db.queries.stations import get_station
from services.api.answers import answer
from services.api.fields import Input, Output, Ref
from services.api.permissions import needs
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("ledger", "Whether everything acquired is accounted for.")


class LedgerOut(Output):
    acquired: int
    passed: int
    warned: int
    failed: int
    not_inspected: dict[str, int] = Field(description="By reason.")
    in_flight: int
    consistent: bool
    problems: list[str]


class LedgerQuery(Input):
    station: Ref | None = Field(None, description="Only of this station, by its id or key.")


@blueprint.get("/ledger", responses=responses({200: LedgerOut}, 404))
@needs(Permission.VIEW)
def get_ledger(query: LedgerQuery) -> Response:
    """Acquired = passed + warned + failed + not inspected + in flight."""
    station_id = None
    if query.station:
        with values().database.reads() as session:
            station_id = get_station(session, query.station).id
    # Its session must be fresh: it reads everything in one snapshot.
    with values().database.reads() as session:
        counted = read_ledger(session, station_id=station_id)
    return answer(LedgerOut.model_validate(counted.as_dict()))
