"""The data folder of one installation: its lock, and what kind of disk it lies on."""

import fcntl
import os
from pathlib import Path

from db.camera_sources import CLIPS

# SQLite's write-ahead log needs memory that all processes share, and locks that work.
# Source: https://www.sqlite.org/wal.html, "all processes must be on the same host".
NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "vboxsf", "beegfs", "drvfs"}
)


class AlreadyRunning(Exception):
    """Another `lineside up` has this data folder. `about` is what it wrote into the lock."""

    def __init__(self, about: str) -> None:
        super().__init__(about)
        self.about = about


def make_data_folder(data_dir: Path) -> None:
    """Create the folder, for its owner alone, with one for the clips of cameras."""
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    (data_dir / CLIPS).mkdir(exist_ok=True)


def lock(data_dir: Path, about: str) -> int:
    """Take the folder for this process; the kernel gives it back when the process ends.

    Returns the open file. Raises AlreadyRunning.
    """
    # Not emptied by opening it: whoever is refused reads what the holder wrote.
    file = os.open(data_dir / "up.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        held_by = os.read(file, 300).decode(errors="replace").strip()
        os.close(file)
        raise AlreadyRunning(held_by) from error
    os.ftruncate(file, 0)
    os.write(file, about.encode())
    return file


def file_system(path: Path) -> str | None:
    """The type of the file system that `path` lies on (`ext4`, `nfs4` …); None if unknown.

    Read from /proc/self/mounts, which only Linux has; the longest mount point that holds wins.
    """
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    path = path.resolve()
    best: tuple[int, str] | None = None
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        # A blank in a mount point is written as \040.
        where = Path(point.encode().decode("unicode_escape"))
        if path.is_relative_to(where) and (best is None or len(where.parts) >= best[0]):
            best = (len(where.parts), kind)
    return best[1] if best else None


def is_on_network(path: Path) -> bool:
    return file_system(path) in NETWORK_FILE_SYSTEMS
