"""The REST API: OpenAPI 3.1, bearer token, problem documents.

`create_app()` is what a server serves; it reads the settings. Tests hand it values of their own.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from services.api.values import ApiValues


def create_app(values: "ApiValues | None" = None, *, behind_front: bool = False) -> "Flask":
    """The API's app around `values`, or around what the settings say.

    Args:
        behind_front: a front ends TLS before it, and says in X-Forwarded-For who asks. With
            `values` it is theirs that counts.

    Raises:
        services.api.token.WeakToken: the token that is set is too short to be one.
    """
    from services.api.app import build_app

    return build_app(values or _from_settings(behind_front))


def _from_settings(behind_front: bool) -> "ApiValues":
    from db.camera_sources import rules_from_settings
    from db.credentials import SecretBox
    from db.engine import connect
    from db.events import Events
    from db.frames import open_store
    from db.settings import BrokerSettings, StorageSettings
    from services.api.token import ensure_api_token
    from services.api.values import ApiValues
    from services.bell import Bell

    storage, broker = StorageSettings(), BrokerSettings()
    return ApiValues(
        database=connect(storage.resolved_database_url, pool_size=10),
        store=open_store(storage.resolved_frame_store_url, min_free_bytes=storage.min_free_bytes),
        bell=Bell(broker.redis_url),
        events=Events(broker.redis_url),
        token=ensure_api_token(storage.data_dir),
        secrets=lambda: SecretBox(storage.data_dir / "secret.key"),
        redis_url=broker.redis_url,
        behind_front=behind_front,
        models_dirs=(storage.models_dir,) if storage.models_dir else (),
        sources=rules_from_settings(),
    )
