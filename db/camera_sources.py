"""What a camera of the pages or the API may be: which folders of the host, and which networks.

Whoever adds a camera names a path or an address that ingest then opens. Without rules that would
be every file of the host, its secrets among them, and every address that the host can reach.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.addresses import Network, carried, resolve
from db.credentials import split_url
from db.settings import StorageSettings

CLIPS = "clips"  # the folder of them in the data folder
FOLDERS_SETTING, NETWORKS_SETTING = "LINESIDE_CAMERA_FOLDERS", "LINESIDE_CAMERA_NETWORKS"

_PORTS = {"rtsp": 554, "rtsps": 322, "http": 80, "https": 443}
# Where clouds tell a machine about itself, its credentials among them, outside the link-local
# networks: Amazon's over IPv6, Alibaba's, Azure's, Oracle's (their documentation).
_METADATA = tuple(
    ip_network(each)
    for each in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192")
)
# A private network is where cameras live, and this host may serve a stream itself: both may be.
_NEVER: tuple[Network, ...] = (
    *(IPv4Network(each) for each in ("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")),
    *(IPv6Network(each) for each in ("::/128", "fe80::/10", "ff00::/8")),
    *_METADATA,
)


class SourceForbidden(ValueError):
    """A source that a camera may not have. The message names no folder and no secret."""


@dataclass(frozen=True)
class SourceRules:
    """Attributes:
    folders: where clips and folders of images may lie.
    networks: what addresses may lead to; none: all but link-local, multicast and such.
    """

    folders: tuple[Path, ...] = ()
    networks: tuple[Network, ...] = ()

    def check_new(self, kind: str, source: str) -> None:
        """What can be known of a source before anything opens it. Names are looked up by ingest
        alone, whose answer is the one that counts.

        Raises SourceForbidden; BadSourceUrl where the URL cannot be read.
        """
        if kind in ("file", "folder"):
            path = self.path(source)
            # Where this process does not see the folder (another container), ingest tells.
            if self._root_of(path).is_dir() and not _is_there(kind, path):
                expected = "file" if kind == "file" else "folder"
                raise SourceForbidden(f"there is no {expected} {path.name}")
        elif kind == "usb":
            self.device(source)
        elif kind == "rtsp":
            self._number(urlsplit(split_url(source).url).hostname or "")

    def path(self, source: str) -> Path:
        """The real path of a file or folder, links followed. Raises SourceForbidden."""
        path = Path(os.path.realpath(source))
        if not any(path.is_relative_to(os.path.realpath(each)) for each in self.folders):
            raise SourceForbidden(
                f"{Path(source).name} lies in no folder that cameras may read ({FOLDERS_SETTING})"
            )
        return path

    def device(self, source: str) -> None:
        """Raises SourceForbidden unless a path is one of a device; a number is."""
        if not source.isdigit() and not os.path.realpath(source).startswith("/dev/"):
            raise SourceForbidden(
                f"expected a device such as /dev/video0, and {Path(source).name} is none"
            )

    def reach(self, url: str) -> None:
        """Look a URL's host up, and refuse it where any address of it is one not to reach.

        Raises SourceForbidden; OSError where there is no such host.
        """
        parts = urlsplit(url)
        self._number(parts.hostname or "")
        port = parts.port or _PORTS.get(parts.scheme.lower(), 554)
        for address in resolve(parts.hostname or "", port, allow_private=True):
            if not self.allows(ip_address(address.partition("%")[0])):
                raise _forbidden(address)

    def allows(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a camera may be at an address, also where it is carried in an IPv6 one."""
        if self.networks:
            real = getattr(address, "ipv4_mapped", None) or address
            return any(real in network for network in self.networks)
        inner = (address, *carried(address))
        return not any(each in network for each in inner for network in _NEVER)

    def _number(self, host: str) -> None:
        address = _as_number(host)
        if address is not None and not self.allows(address):
            raise _forbidden(str(address))

    def _root_of(self, path: Path) -> Path:
        roots = [Path(os.path.realpath(each)) for each in self.folders]
        return next(each for each in roots if path.is_relative_to(each))


class CameraSourceSettings(BaseSettings):
    """Which sources cameras may have that are added in the pages or over the API."""

    model_config = SettingsConfigDict(env_prefix="LINESIDE_")

    camera_folders: str = Field(
        "",
        description="Folders of clips and images beside `clips` in the data folder, absolute, with"
        f" {os.pathsep!r} between them.",
    )
    camera_networks: str = Field(
        "",
        description="The networks that camera addresses may lead to, as 10.1.0.0/16,192.168.7.5;"
        " empty: all but link-local, unspecified and multicast addresses.",
    )

    @field_validator("camera_folders")
    @classmethod
    def _folders(cls, value: str) -> str:
        for each in _folders_of(value):
            if not each.is_absolute():
                raise ValueError(f"expected absolute folders, got {str(each)!r}")
        return value

    @field_validator("camera_networks")
    @classmethod
    def _networks(cls, value: str) -> str:
        _networks_of(value)
        return value

    def rules(self, data_dir: Path) -> SourceRules:
        clips = (data_dir / CLIPS).absolute()
        folders = (clips, *_folders_of(self.camera_folders))
        return SourceRules(folders, _networks_of(self.camera_networks))


def rules_from_settings() -> SourceRules:
    """The rules that the environment names: for entry points."""
    return CameraSourceSettings().rules(StorageSettings().data_dir)


def _folders_of(text: str) -> tuple[Path, ...]:
    return tuple(Path(each.strip()) for each in text.split(os.pathsep) if each.strip())


def _networks_of(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())
    except ValueError as error:
        raise ValueError(f"expected networks such as 10.1.0.0/16,192.168.7.5: {error}") from None


def _is_there(kind: str, path: Path) -> bool:
    return path.is_file() if kind == "file" else path.is_dir()


def _as_number(host: str) -> IPv4Address | IPv6Address | None:
    """A host that is written as a number, in any way that a look-up understands."""
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # 2852039166, 0xa9fea9fe, 169.254.43518
    except OSError:
        return None


def _forbidden(address: str) -> SourceForbidden:
    return SourceForbidden(f"{address} is an address that no camera may have ({NETWORKS_SETTING})")
