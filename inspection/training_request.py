"""What may be asked of a trainer: networks by name, and what a run takes. Imports no torch."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from typing import Literal

# The networks of `lineside train` (workers/networks/catalogue.py) with their default encoders;
# a test holds the two against each other. Those of Detectron2 need a file and are not asked for.
NETWORKS: dict[str, str] = {
    "mask-rcnn-light": "light",
    "mask-rcnn-r18": "",
    "mask-rcnn-r50": "",
    "unet": "resnet18",
    "deeplabv3plus": "resnet18",
    "fpn": "resnet18",
    "pspnet": "resnet18",
    "hrnet": "tu-hrnet_w18_small",
    "segformer": "mit_b0",
    "fcn": "resnet18",
    "deeplabv3": "resnet18",
    "segnet": "vgg16",
}
INITS = ("none", "imagenet", "coco")
# As model.json has it (`inspection.model_manifest`).
MODEL_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
INSTALL = "pip install 'lineside[train]'"

_ENCODER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
MOST_STEPS = 1_000_000
MOST_BUDGET_S = 14 * 86_400.0


class BadRequestValue(ValueError):
    """A value that no run can have: which one, and what was expected."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: expected {expected}, got {value!r}")
        self.field, self.value, self.expected = field, value, expected


@dataclass(frozen=True)
class TrainingRequest:
    """What a run is to do.

    Attributes:
        name: of the model that it writes; None makes one of the network and the snapshot.
        encoder: None for the network's default.
        init: `none`, `imagenet`, `coco`, or the name of a model to go on from.
        steps, budget_s: how long; one of the two, or neither for an hour.
        input_px, batch, rate, crop_px: as `lineside train`; None for what suits the network.

    Raises:
        BadRequestValue: anything of it is out of bounds.
    """

    network: str = "mask-rcnn-light"
    encoder: str | None = None
    init: str = "none"
    steps: int | None = None
    budget_s: float | None = None
    seed: int = 0
    name: str | None = None
    input_px: int = 512
    batch: int | None = None
    rate: float | None = None
    crop_px: int | None = None

    def __post_init__(self) -> None:
        if self.network not in NETWORKS:
            raise BadRequestValue("network", self.network, "one of " + ", ".join(NETWORKS))
        if self.encoder is not None and not NETWORKS[self.network]:
            raise BadRequestValue("encoder", self.encoder, f"none: {self.network} has its own")
        if self.encoder is not None and not _ENCODER.fullmatch(self.encoder):
            raise BadRequestValue("encoder", self.encoder, "a name such as resnet18")
        if self.name is not None and not MODEL_NAME.fullmatch(self.name):
            raise BadRequestValue(
                "name", self.name, "up to 80 small letters, digits, dots, dashes and underscores"
            )
        if self.steps is not None and self.budget_s is not None:
            raise BadRequestValue("budget_s", self.budget_s, "steps or budget_s, not both")
        for field, value, least, most in (
            ("steps", self.steps, 1, MOST_STEPS),
            ("budget_s", self.budget_s, 10, MOST_BUDGET_S),
            ("seed", self.seed, 0, 2**31 - 1),
            ("input_px", self.input_px, 64, 4096),
            ("batch", self.batch, 1, 256),
            ("rate", self.rate, 1e-6, 1),
            ("crop_px", self.crop_px, 64, 2048),
        ):
            if value is not None and not least <= value <= most:
                raise BadRequestValue(field, value, f"{least:g} to {most:g}")

    def options(self) -> dict[str, object]:
        """What of it stands in the run's row beside its columns."""
        return {
            "steps": self.steps,
            "budget_s": self.budget_s,
            "seed": self.seed,
            "input_px": self.input_px,
            "batch": self.batch,
            "rate": self.rate,
            "crop_px": self.crop_px,
        }


def torch_is_here() -> bool:
    """Whether the extra `train` is installed in this interpreter."""
    return importlib.util.find_spec("torch") is not None


RunState = Literal["waiting", "running", "cancelling", "cancelled", "done", "failed"]
