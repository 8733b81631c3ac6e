"""Which files, devices and addresses a camera of the pages may be."""

from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from db.camera_sources import CameraSourceSettings, SourceForbidden, SourceRules

ANYWHERE = SourceRules()


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://2852039166/latest",  # the same, as one number
        "http://169.254.43518/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1%25eth0]/",
        "http://168.63.129.16/",
        "rtsp://0.0.0.0/stream",
        "rtsp://[::]/stream",
        "rtsp://239.1.2.3/stream",
    ],
)
def test_an_address_that_no_camera_has_is_refused(url: str) -> None:
    with pytest.raises(SourceForbidden, match="no camera may have"):
        ANYWHERE.check_new("rtsp", url)
    with pytest.raises(SourceForbidden, match="no camera may have"):
        ANYWHERE.reach(url)


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://10.0.0.7/a",
        "rtsp://u:p%40@192.168.1.2:8554/a",
        "http://[fd12::7]/a",
        "rtsp://127.0.0.1/a",
    ],
)
def test_a_camera_is_in_a_private_network_or_served_by_this_host(url: str) -> None:
    ANYWHERE.check_new("rtsp", url)
    ANYWHERE.reach(url)


def test_where_networks_are_named_nothing_else_is_reached() -> None:
    rules = SourceRules(networks=(ip_network("10.1.0.0/16"), ip_network("169.254.7.0/24")))
    rules.check_new("rtsp", "rtsp://10.1.2.3/a")
    rules.check_new("rtsp", "rtsp://169.254.7.9/a")
    rules.check_new("rtsp", "rtsp://[::ffff:10.1.2.3]/a")
    for url in ("rtsp://10.2.0.1/a", "rtsp://8.8.8.8/a", "http://169.254.169.254/"):
        with pytest.raises(SourceForbidden):
            rules.check_new("rtsp", url)
    # What a name leads to is known where it is looked up.
    rules.check_new("rtsp", "rtsp://localhost/a")
    with pytest.raises(SourceForbidden):
        rules.reach("rtsp://localhost/a")


def test_a_path_leads_into_an_allowed_folder_and_not_out_of_it(tmp_path: Path) -> None:
    clips, secret = tmp_path / "clips", tmp_path / "secret.key"
    (clips / "day").mkdir(parents=True)
    (clips / "day" / "a.mp4").touch()
    secret.touch()
    (clips / "link.mp4").symlink_to(secret)
    rules = SourceRules((clips,))
    rules.check_new("file", str(clips / "day" / "a.mp4"))
    rules.check_new("folder", str(clips / "day"))
    rules.check_new("folder", str(clips))
    for path in (secret, clips / ".." / "secret.key", clips / "link.mp4", tmp_path / "clips2"):
        with pytest.raises(SourceForbidden, match="lies in no folder") as refused:
            rules.check_new("file", str(path))
        assert str(tmp_path) not in str(refused.value)
    with pytest.raises(SourceForbidden, match="there is no file"):
        rules.check_new("file", str(clips / "b.mp4"))
    with pytest.raises(SourceForbidden, match="there is no folder"):
        rules.check_new("folder", str(clips / "day" / "a.mp4"))


def test_an_allowed_folder_may_be_a_link_itself(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "clips"
    real.mkdir()
    (real / "a.mp4").touch()
    link.symlink_to(real)
    assert SourceRules((link,)).path(str(link / "a.mp4")) == real / "a.mp4"


def test_settings_name_folders_and_networks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LINESIDE_CAMERA_FOLDERS", "/srv/clips:/mnt/images")
    monkeypatch.setenv("LINESIDE_CAMERA_NETWORKS", "10.1.0.0/16, fd12::/64")
    rules = CameraSourceSettings().rules(tmp_path)
    assert rules.folders == (tmp_path / "clips", Path("/srv/clips"), Path("/mnt/images"))
    assert rules.networks == (ip_network("10.1.0.0/16"), ip_network("fd12::/64"))
    for name, wrong in (
        ("LINESIDE_CAMERA_FOLDERS", "clips"),
        ("LINESIDE_CAMERA_NETWORKS", "10.1.0.1/16"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, wrong)
            with pytest.raises(ValidationError, match="expected"):
                CameraSourceSettings()
