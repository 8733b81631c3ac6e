"""Messages: what a person reads, and what cannot be smuggled in through a name."""

import json
from datetime import UTC, datetime

import pytest

from db.queries.deliveries import ClaimedDelivery
from services.alerting.mail import MailChannel, SmtpServer
from services.alerting.message import Message, message_of

PAYLOAD = {
    "kind": "crack",
    "place": "cell B2",
    "severity": "fail",
    "state": "open",
    "detail": "crack 4.8 mm > 3.0 mm",
    "opened_at": "2026-11-20T12:00:00+00:00",
    "closed_at": None,
    "actor": None,
    "station": {"id": 3, "key": "st-3", "name": "Press 3"},
    "line": {"id": 1, "key": "line-1", "name": "Line 1"},
    "site": {"id": 1, "key": "north", "name": "Plant North"},
}


def make_message(event="discrepancy.opened", page_url=None, **payload) -> Message:
    return Message(
        idempotency_key="key-1",
        event=event,
        discrepancy_id=7,
        created_at=datetime(2026, 11, 20, 12, 0, tzinfo=UTC),
        payload=PAYLOAD | payload,
        page_url=page_url,
    )


def test_the_subject_says_what_where_and_how_bad():
    assert make_message().subject == ("[Lineside] crack at Press 3, cell B2: crack 4.8 mm > 3.0 mm")


@pytest.mark.parametrize(
    ("state", "begins"),
    [("resolved", "[Lineside] Resolved: crack"), ("false_call", "[Lineside] False call: crack")],
)
def test_the_subject_of_an_end_says_how_it_ended(state, begins):
    assert make_message("discrepancy.resolved", state=state).subject.startswith(begins)


def test_the_text_says_station_place_kind_detail_and_link():
    text = make_message(page_url="https://lineside.example/discrepancies/7").text
    for part in ("Press 3, Line 1, Plant North", "cell B2", "crack 4.8 mm > 3.0 mm", "fail"):
        assert part in text
    assert text.endswith("\nhttps://lineside.example/discrepancies/7\n")
    assert "Ended" not in text


@pytest.mark.parametrize("nasty", ["a\r\nBcc: everyone@example.com", "a\nb", "a\x00b", "a\u2028b"])
def test_a_name_cannot_add_a_header_or_a_line(nasty):
    station = {"name": nasty}
    message = make_message(station=station, kind=nasty, place=nasty, detail=nasty)
    assert message.subject.isprintable()
    mail = MailChannel(
        SmtpServer("mail.example", 25), sender="line@example.com", recipient="who@example.com"
    ).compose(message)
    assert mail["Bcc"] is None
    assert not any(line.startswith(b"Bcc") for line in mail.as_bytes().splitlines())


def test_a_long_name_makes_no_endless_subject():
    assert len(make_message(detail="x" * 10_000).subject) == 180


def test_the_body_is_the_same_bytes_every_time_and_says_who():
    first, second = make_message().body, make_message().body
    assert first == second
    body = json.loads(first)
    assert body["id"] == "key-1"
    assert body["event"] == "discrepancy.opened"
    assert body["created_at"] == "2026-11-20T12:00:00+00:00"
    assert body["discrepancy"]["id"] == 7
    assert body["discrepancy"]["station"]["name"] == "Press 3"


def test_the_mail_keeps_its_message_id_and_reads_any_alphabet():
    channel = MailChannel(
        SmtpServer("mail.example", 25), sender="line@plant.example", recipient="who@example.com"
    )
    first, second = (channel.compose(make_message(detail="Riß 4,8 mm – 裂纹")) for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"] == "<key-1@plant.example>"
    assert first["Date"] == second["Date"]
    assert "裂纹" in first.get_content()
    assert "裂纹" in str(first["Subject"])


@pytest.mark.parametrize(
    ("public_url", "expected"),
    [("", None), ("https://l.example/", "https://l.example/discrepancies/7")],
)
def test_the_link_leads_to_the_discrepancy(public_url, expected):
    claimed = ClaimedDelivery(
        delivery_id=1,
        attempt=1,
        channel="webhook",
        event="discrepancy.opened",
        idempotency_key="key-1",
        discrepancy_id=7,
        payload={},
        created_at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    assert message_of(claimed, public_url).page_url == expected
