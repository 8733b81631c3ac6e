"""What `Camera.options` may hold: how a source is played, and where its playing began."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class CameraOptions(BaseModel):
    """Options of one camera. Kinds ignore what does not concern them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    loop: bool = Field(False, description="file: begin again at the end.")
    fast: bool = Field(False, description="file: as fast as frames are taken, not at its speed.")
    watch: bool = Field(False, description="folder: stay, and take images that come later.")
    seed: int = Field(0, ge=0, description="sample-*: the same seed draws the same pictures.")
    interval_s: float = Field(2.5, gt=0, le=3600, description="sample-*: seconds between frames.")
    repeat: int = Field(
        0, ge=0, le=100, description="sample-*: draw so many and show them again; 0: always new."
    )
    size_wh: tuple[int, int] | None = Field(None, description="sample-*: size of the pictures, px.")
    # Written by Lineside. An acquisition from `from_sequence` on belongs to the present play of
    # the source, which goes on after a restart where the last of them was.
    from_sequence: int = Field(1, ge=1)
    started_at: datetime | None = None
    # Asked for at the host's own command line, which no rule of `db.camera_sources` restricts.
    from_host: bool = False
