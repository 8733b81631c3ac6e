"""Settings: a wrong value is named and explained, and never shown."""

import pytest
from pydantic import ValidationError

from services.alerting.mail import MailChannel
from services.alerting.settings import AlertSettings, _smtp_server
from services.alerting.webhook import WebhookChannel

PASSWORD = "s3cr3t-P4ss"
WEBHOOK = {
    "webhook_url": "https://hooks.example/T0/" + PASSWORD,
    "webhook_secret": "0123456789abcdef",
}
MAIL = {
    "smtp_url": f"smtp://line:{PASSWORD}@mail.example:587",
    "alert_to": "who@example.com",
    "alert_from": "line@example.com",
}


@pytest.fixture(autouse=True)
def _no_settings_of_this_host(monkeypatch):
    for name in AlertSettings.model_fields:
        monkeypatch.delenv(f"LINESIDE_{name.upper()}", raising=False)


def test_nobody_is_told_by_default():
    assert AlertSettings().channels() == []


def test_channels_are_those_that_are_configured():
    assert [type(one) for one in AlertSettings(**WEBHOOK, **MAIL).channels()] == [
        WebhookChannel,
        MailChannel,
    ]
    assert [one.name for one in AlertSettings(**MAIL).channels()] == ["smtp"]


def test_they_are_read_from_the_environment(monkeypatch):
    for name, value in WEBHOOK.items():
        monkeypatch.setenv(f"LINESIDE_{name.upper()}", value)
    assert [one.name for one in AlertSettings().channels()] == ["webhook"]


@pytest.mark.parametrize(
    "wrong",
    [
        WEBHOOK | {"webhook_secret": ""},
        WEBHOOK | {"webhook_secret": PASSWORD},  # 11 characters
        WEBHOOK | {"webhook_url": f"https://me:{PASSWORD}@hooks.example/"},
        WEBHOOK | {"webhook_url": f"ftp://hooks.example/{PASSWORD}"},
        WEBHOOK | {"webhook_url": f"https:///{PASSWORD}"},
        WEBHOOK | {"webhook_url": f"https://hooks.example:99999/{PASSWORD}"},
        MAIL | {"smtp_url": f"mail.example:{PASSWORD}"},
        MAIL | {"smtp_url": f"smtp://line:{PASSWORD}/x@mail.example"},
        MAIL | {"smtp_url": f"http://line:{PASSWORD}@mail.example"},
        MAIL | {"alert_to": ""},
        MAIL | {"alert_from": ""},
        MAIL | {"alert_to": "not an address"},
        MAIL | {"alert_to": "who@example.com\r\nBcc: all@example.com"},
        MAIL | {"alert_to": "a@example.com, b@example.com"},
        MAIL | {"smtp_starttls": PASSWORD},
        {"public_url": "javascript:alert(1)"},
        {"alert_attempts": 0},
    ],
)
def test_a_wrong_value_is_refused_and_not_shown(wrong):
    with pytest.raises(ValidationError) as caught:
        AlertSettings(**wrong)
    assert PASSWORD not in str(caught.value)


def test_secrets_do_not_show_in_a_print():
    settings = AlertSettings(**WEBHOOK, **MAIL)
    assert PASSWORD not in repr(settings) + str(settings)
    assert PASSWORD not in repr(_smtp_server(MAIL["smtp_url"], "required"))


@pytest.mark.parametrize(
    ("url", "port", "user", "password", "implicit_tls"),
    [
        ("smtp://mail.example", 25, None, None, False),
        ("smtps://mail.example", 465, None, None, True),
        ("smtp://a%40b.example:p%2Fw%3A@mail.example:2525", 2525, "a@b.example", "p/w:", False),
    ],
)
def test_mail_servers_are_read_from_their_urls(url, port, user, password, implicit_tls):
    server = _smtp_server(url, "when-offered")
    assert (server.host, server.port, server.user, server.password, server.implicit_tls) == (
        "mail.example",
        port,
        user,
        password,
        implicit_tls,
    )
