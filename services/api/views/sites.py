"""Sites: plants and stores."""

from flask import Response
from pydantic import Field

from db.access import Permission
from db.queries import plant_edits
from db.queries import stations as queries
from services.api import answers
from services.api.answers import REMOVED, answer, removed
from services.api.fields import Body, NewKey, NewName, Output, RefPath
from services.api.fields import Line as OneLine
from services.api.paging import PageQuery
from services.api.permissions import needs, require_everywhere, require_site
from services.api.problems import responses
from services.api.resource import make_blueprint
from services.api.values import values

blueprint = make_blueprint("sites", "Plants and stores.")


class Site(Output):
    id: int
    key: str
    name: str
    timezone: str


class SitePage(Output):
    items: list[Site]
    next: str | None


class NewSite(Body):
    key: NewKey
    name: OneLine = Field(min_length=1)
    timezone: str = Field("UTC", max_length=64, description="IANA name, such as Europe/Vienna.")


class SiteChange(Body):
    name: NewName = Field(default_factory=str)
    timezone: str = Field(default_factory=str, max_length=64, description="IANA name.")


@blueprint.get("/sites", responses=responses({200: SitePage}))
@needs(Permission.VIEW)
def list_sites(query: PageQuery) -> Response:
    """List sites."""
    with values().database.reads() as session:
        rows = queries.list_sites(session, after=query.after, limit=query.limit)
    return answers.page(SitePage, rows, Site.model_validate)


@blueprint.post("/sites", responses=responses({201: Site}, 400, 409, 413, 415))
@needs(Permission.LAB)
def create_site(body: NewSite) -> Response:
    """Create a site; a token that holds for some places only may not."""
    require_everywhere()
    with values().database.sessions.begin() as session:
        row = queries.create_site(session, body.key, body.name, body.timezone)
    return answer(Site.model_validate(row), 201, headers={"Location": f"/api/v1/sites/{row.id}"})


@blueprint.get("/sites/<ref>", responses=responses({200: Site}, 404))
@needs(Permission.VIEW)
def get_site(path: RefPath) -> Response:
    """One site, by its id or key."""
    with values().database.reads() as session:
        row = queries.get_site(session, path.ref)
    return answer(Site.model_validate(row))


@blueprint.patch("/sites/<ref>", responses=responses({200: Site}, 400, 404, 413, 415))
@needs(Permission.LAB)
def edit_site(path: RefPath, body: SiteChange) -> Response:
    """Change a site's name or time zone; its shifts follow the zone. Its key stays."""
    with values().database.sessions.begin() as session:
        require_site(queries.get_site(session, path.ref).id)
        row = plant_edits.edit_site(session, path.ref, **body.given())
    return answer(Site.model_validate(row))


@blueprint.delete("/sites/<ref>", responses=responses({204: REMOVED}, 404, 409))
@needs(Permission.LAB)
def remove_site(path: RefPath) -> Response:
    """Remove a site that has neither lines nor shifts."""
    with values().database.sessions.begin() as session:
        require_site(queries.get_site(session, path.ref).id)
        plant_edits.remove_site(session, path.ref)
    return removed()
