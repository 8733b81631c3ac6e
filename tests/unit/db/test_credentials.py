"""Camera passwords: split off, encrypted, and blotted out wherever they might show."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.credentials import (
    BadSourceUrl,
    SecretBox,
    SecretUnreadable,
    join_url,
    redact,
    split_url,
)


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("rtsp://admin:hunter2@10.0.0.5:554/s1", "rtsp://10.0.0.5:554/s1"),
        ("rtsp://admin:hun%40ter2@cam/s1?ch=1", "rtsp://cam/s1?ch=1"),
        ("rtsp://ad:hunter@2@cam/s1", "rtsp://cam/s1"),
        ("rtsp://cam/s1?user=ad&password=hunter2&ch=1", "rtsp://cam/s1?ch=1"),
        ("rtsp://hunter2@[fe80::1]:554/s1", "rtsp://[fe80::1]:554/s1"),
    ],
)
def test_a_url_is_split_and_joined(url: str, bare: str) -> None:
    split = split_url(url)
    assert split.url == bare
    assert split.secret is not None
    joined = join_url(split.url, split.secret)
    assert split_url(joined) == split
    assert "hun" in joined


def test_a_url_without_secrets_stays_as_it_is() -> None:
    split = split_url("rtsp://cam:8554/s1?channel=1&user=x")
    assert split.url == "rtsp://cam:8554/s1?channel=1&user=x"
    assert split.secret is None
    assert join_url(split.url, None) == split.url


@pytest.mark.parametrize(
    "url",
    ["rtsp://ad:hun/ter2@cam/s1", "rtsp://ad:hun/t@er2@cam/s1", "rtsp://", "rtsp://cam:hunter2/x"],
)
def test_a_doubtful_url_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(BadSourceUrl) as caught:
        split_url(url)
    assert "hun" not in str(caught.value)
    assert "ter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "cannot open rtsp://admin:hunter2@10.0.0.5/s1: refused",
        "[tcp @ 0x5] rtsp://ad:hunter2@cam",
        "RTSP://AD:hunter2@CAM/x and http://x:hunter2@y/z",
        "rtsp://ad:p/hunter2@cam/s1",
        "rtsp://cam/s1?user=ad&password=hunter2",
        "rtsp://cam/s1?ch=1&PWD=hunter2&x=1",
    ],
)
def test_redact_blots_out_passwords(text: str) -> None:
    assert "hunter2" not in redact(text)
    assert "***" in redact(text)


def test_redact_leaves_other_text_alone() -> None:
    text = "mail bob@example.org about rtsp://cam/s1?channel=1"
    assert redact("mail bob@example.org") == "mail bob@example.org"
    assert redact(text.split("about ")[1]) == "rtsp://cam/s1?channel=1"


_PASSWORDS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="*@/?#"),
    min_size=4,
)


@given(_PASSWORDS)
def test_no_password_survives_redaction_or_splitting(password: str) -> None:
    url = f"rtsp://operator:{password}@camera.example:554/stream"
    assert redact(f"failed: {url}") == "failed: rtsp://***@camera.example:554/stream"
    assert split_url(url).url == "rtsp://camera.example:554/stream"


def test_a_box_opens_only_with_its_key(tmp_path: Path) -> None:
    key_path = tmp_path / "data" / "secret.key"
    locked = SecretBox(key_path).lock("hunter2")
    assert "hunter2" not in locked
    assert SecretBox(key_path).unlock(locked) == "hunter2"
    assert stat.S_IMODE(key_path.stat().st_mode) == 0o600
    assert [path.name for path in key_path.parent.iterdir()] == ["secret.key"]
    with pytest.raises(SecretUnreadable):
        SecretBox(tmp_path / "other.key").unlock(locked)
