"""The query that Kubernetes scales workers by, run on a real PostgreSQL."""

import pytest
from sqlalchemy import text

from tests.factories import make_acquisition, make_camera
from tests.unit.deploy.files import manifests


@pytest.mark.postgres
def test_it_counts_what_waits(postgres_server):
    from db.engine import connect

    (query,) = (
        one["spec"]["triggers"][0]["metadata"]["query"]
        for _, one in manifests()
        if one["kind"] == "ScaledObject"
    )
    database = connect(postgres_server.new_database())
    with database.sessions.begin() as session:
        camera = make_camera(session)
        for state in ("waiting", "waiting", "claimed", "done"):
            make_acquisition(session, camera, state=state)
        assert session.execute(text(query)).scalar_one() == 2
    database.dispose()
