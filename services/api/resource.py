"""How a resource's blueprint is made, so that all are documented alike."""

from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag

from services.api.auth import PREFIX


def make_blueprint(name: str, description: str) -> APIBlueprint:
    """A blueprint under /api/v1 whose every operation asks for the token."""
    return APIBlueprint(
        name,
        __name__,
        url_prefix=PREFIX,
        abp_tags=[Tag(name=name, description=description)],
        abp_security=[{"bearer": []}],
        operation_id_callback=name_operation,
    )


def name_operation(*, name: str, **_where: str) -> str:
    """The view's name, which is unique over all resources."""
    return name
