from flask.testing import FlaskClient

from db.engine import Database
from db.models import MeasurementRow
from tests.factories import Found, decide, make_camera


def test_an_inspection_shows_values_with_their_uncertainty(
    client: FlaskClient, database: Database
) -> None:
    with database.sessions.begin() as session:
        found = Found(
            measurements=(
                ("length", 4.83, "mm", 2.0, 3.0),
                ("max_width", 0.31, "mm", None, None),
                ("orientation", 42.0, "deg", None, None),
            )
        )
        inspection = decide(session, make_camera(session), "fail", found=[found])
        for row in session.query(MeasurementRow):
            if row.name != "max_width":
                row.uncertainty = 0.12
        id_ = inspection.id
    page = client.get(f"/inspections/{id_}").text
    assert "4.83 ± 0.24 mm" not in page
    assert "4.8 ± 0.2 mm" in page
    # Not known, or of no use to whoever reads it.
    assert "0.31 mm" in page
    assert "42 °" in page
