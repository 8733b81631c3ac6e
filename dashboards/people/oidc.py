"""Sign-in through an OpenID Connect provider, beside passwords (authorization code with PKCE).

A person is who the provider says by issuer and subject. Whoever comes for the first time joins
the two by an invitation or from their account; nobody is let in by a name or an address that the
provider happens to give.
"""

from __future__ import annotations

from typing import Any

import requests
import structlog
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import FlaskOAuth2App, OAuth
from authlib.integrations.requests_client import OAuth2Session
from flask import Blueprint, Flask, abort, current_app, redirect, session, url_for
from flask import request as asked
from flask_babel import gettext as _
from joserfc.errors import JoseError
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from dashboards import limits
from dashboards.errors import answer
from dashboards.outside import OutsideAdapter
from dashboards.people.identity import here
from dashboards.people.oidc_settings import OidcSettings
from dashboards.people.signing_in import as_person, begin, refused
from dashboards.permissions import for_everybody
from dashboards.redirects import own_path
from dashboards.values import values
from db.addresses import AddressRefused
from db.errors import NotFound
from db.models import Person
from db.queries import people, sign_ins

_log = structlog.get_logger()
blueprint = Blueprint("oidc", __name__, url_prefix="/oidc")

_NEXT, _LINK, _JOIN = "oidc_next", "oidc_link", "oidc_join"
_EXTENSION = "lineside-oidc"


def register(app: Flask, settings: OidcSettings | None) -> None:
    """Make the routes, and the button on the sign-in page where there is a provider."""
    app.register_blueprint(blueprint)
    name = (settings.name or "OpenID Connect") if settings and settings.issuer else ""
    app.context_processor(lambda: {"oidc_name": name})
    if settings is None or not settings.issuer:
        return
    allow_private = settings.allow_private

    class _Outside(OAuth2Session):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for start in ("http://", "https://"):
                self.mount(start, OutsideAdapter(allow_private=allow_private))

    class _Provider(FlaskOAuth2App):  # type: ignore[misc]
        client_cls = _Outside

    app.extensions[_EXTENSION] = OAuth(app).register(
        "provider",
        client_cls=_Provider,
        client_id=settings.client_id,
        client_secret=settings.client_secret.get_secret_value() or None,
        server_metadata_url=f"{settings.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
    )


@blueprint.get("/start")
@limits.of_address
@for_everybody
def start() -> AnyResponse:
    """To the provider, and back to `callback`."""
    session[_NEXT] = own_path(asked.args.get("next"))
    # An invitation that is being answered; the account of who is signed in needs none.
    session[_LINK] = asked.args.get("invitation", "")[:100]
    # Another site's page may send somebody here, but join nobody with whom the provider knows.
    session[_JOIN] = asked.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
    return _at_provider(
        lambda provider: provider.authorize_redirect(url_for("oidc.callback", _external=True))
    )


@blueprint.get("/callback")
@limits.of_address
@for_everybody
def callback() -> AnyResponse:
    """The provider's answer, checked: state, nonce, signature, issuer, audience, time."""
    following, link = own_path(session.pop(_NEXT, None)), session.pop(_LINK, "")
    may_join = session.pop(_JOIN, False)

    def sign_in(provider: Any) -> AnyResponse:
        claims = provider.authorize_access_token()["userinfo"]
        issuer, subject = str(claims["iss"])[:300], str(claims["sub"])[:255]
        with values().database.sessions.begin() as rows:
            person = _person(rows, issuer, subject, link, may_join)
            if person is None or person.disabled_at is not None:
                refused(rows, f"{issuer} {subject}")
                let_in = False
            else:
                begin(rows, person)
                let_in = True
        if not let_in:
            return answer(
                401,
                _("Not let in yet"),
                _("The provider knows you, and Lineside does not. Ask an admin for an invitation."),
            )
        return redirect(following or url_for("boards.home"), code=303)

    return _at_provider(sign_in)


def _person(rows: Session, issuer: str, subject: str, link: str, may_join: bool) -> Person | None:
    known = rows.scalars(
        select(Person).where(Person.oidc_issuer == issuer, Person.oidc_subject == subject)
    ).one_or_none()
    if known is not None or not may_join:
        return known
    somebody, person = here(), None
    if link:
        try:
            found = sign_ins.find_link(rows, link, values().now(), first=False)
        except NotFound:
            return None
        person = people.get_person(rows, found.person_id or 0)
        # A link alone leads past no second factor; from the account it is joined, too.
        if person.disabled_at is not None or person.totp_secret is not None:
            return None
        with as_person(person.id, person.shown_name):
            found.used_at = values().now()
            rows.flush()
    elif somebody is not None and somebody.person_id is not None and somebody.device is None:
        person = people.get_person(rows, somebody.person_id)
    if person is not None:
        with as_person(person.id, person.shown_name):
            person.oidc_issuer, person.oidc_subject = issuer, subject
            rows.flush()
    return person


def _at_provider(ask: Any) -> AnyResponse:
    """What a step gives, or a page that says why the provider could not be asked."""
    provider = current_app.extensions.get(_EXTENSION)
    if provider is None:
        abort(404)
    try:
        response: AnyResponse = ask(provider)
        return response
    except (OAuthError, JoseError, KeyError) as error:
        _log.warning("oidc.refused", error=str(error)[:300])
        return answer(401, _("Not signed in"), _("The provider's answer was not right. Try again."))
    except (requests.RequestException, AddressRefused, OSError, ValueError) as error:
        _log.error("oidc.unreachable", error=str(error)[:300])
        return answer(
            502,
            _("The provider does not answer"),
            _("Try again, or sign in with a password. The log of the pages says more."),
        )
