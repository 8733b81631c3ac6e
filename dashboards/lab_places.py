"""Where the lab finds what is no row: models, the key of the cameras' passwords, signs of life."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from db.camera_sources import SourceRules, rules_from_settings
from db.credentials import SecretBox
from db.heartbeat import HeartbeatSettings
from db.settings import StorageSettings


@dataclass(frozen=True)
class LabPlaces:
    """Folders of this host. None: there is none here, and what needs it says so."""

    models_dirs: tuple[Path, ...] = ()
    secret_key_path: Path | None = None
    run_folder: Path | None = None
    sources: SourceRules = field(default_factory=SourceRules)  # what cameras may be
    # What one request may spend on trying a recipe; the page goes on by itself.
    try_s: float = 0.15

    def secrets(self) -> SecretBox | None:
        """What encrypts cameras' passwords; the key file is made where it is missing."""
        return None if self.secret_key_path is None else SecretBox(self.secret_key_path)

    @classmethod
    def from_settings(cls) -> LabPlaces:
        storage = StorageSettings()
        return cls(
            models_dirs=() if storage.models_dir is None else (storage.models_dir,),
            secret_key_path=(storage.data_dir / "secret.key").absolute(),
            run_folder=HeartbeatSettings().folder,
            sources=rules_from_settings(),
        )
