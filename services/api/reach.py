"""What a token may besides what its operation asks for."""

from collections.abc import Collection

from db.access import EVERYTHING, ActorKind, Permission, acting, current
from db.models import ApiToken
from db.queries.tokens import access_of_token
from services.api.values import values


def reaches(permission: Permission, line_ids: Collection[int]) -> bool:
    """Whether who asks has a permission at all of these lines."""
    access = current()
    actor = access.actor if access else None
    if actor is None:
        return False
    if actor.kind is ActorKind.LOCAL:
        return True
    with acting(EVERYTHING), values().database.reads() as session:
        token = session.get(ApiToken, actor.id)
        found = None if token is None else access_of_token(session, token, permission, actor)
    return found is not None and (found.lines is None or set(line_ids) <= found.lines)
