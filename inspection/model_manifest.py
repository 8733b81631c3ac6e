"""What model.json says: types of a model's engines, thresholds, training and files."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inspection.classical.settings import ClassicalEngine
from inspection.inference import Inference

FILE_TYPES = (".onnx", ".safetensors", ".md", ".yaml")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Threshold(_Strict):
    """What counts as a finding of one class."""

    score: float = Field(ge=0, le=1, description="least score of a finding")
    mask: float = Field(default=0.5, gt=0, lt=1, description="least probability of a mask pixel")
    area_px: int = Field(
        default=0, ge=0, description="smaller findings of a semantic network are dropped, px"
    )


class GraphEngine(_Strict):
    """The exported network, for OpenVINO on a CPU."""

    graph: FileName
    precision: Literal["int8", "fp32"]


class TorchEngine(_Strict):
    """The network's own weights, for torch on a GPU or a CPU, and for training on."""

    weights: FileName
    network: str
    config: dict[str, Any]


class SemanticOutput(_Strict):
    """How a semantic network is fed, and how its pixels become findings."""

    scale: float = Field(default=1.0, gt=0, le=4, description="of the image before the network")
    stride: int = Field(default=32, ge=1, le=128, description="divides the sides of the input")
    flips: bool = Field(default=False, description="mean of the image and its mirror images")
    exclusive: bool = Field(default=True, description="a pixel belongs to one class at most")
    most_findings: int = Field(default=300, ge=1, le=10_000)


class HybridEngine(_Strict):
    """Two models in one folder: one tells the instances, the other which pixels they have."""

    instances: Manifest = Field(description="an instance model's model.json, whole")
    pixels: Manifest = Field(description="a semantic model's model.json, whole")
    grow_px: int = Field(
        default=8, ge=0, le=500, description="how far a mask may reach beyond its instance's box"
    )
    without_instance: Literal["keep", "drop"] = Field(
        default="drop", description="regions of the pixel model that no instance holds"
    )

    @model_validator(mode="after")
    def _two_kinds(self) -> HybridEngine:
        for part in (self.instances, self.pixels):
            if part.engines.hybrid is not None:
                raise ValueError(f"{part.name} is a hybrid itself; expected a plain model")
        if self.pixels.task != "semantic-segmentation":
            raise ValueError(
                f"{self.pixels.name} is of {self.pixels.task}; expected a semantic model"
            )
        if unknown := set(self.pixels.classes) - set(self.instances.classes):
            raise ValueError(
                f"the pixel model's classes {sorted(unknown)} are none of the instance model's, "
                f"{list(self.instances.classes)}"
            )
        return self


class Engines(_Strict):
    """Which engines can run the folder; at least one."""

    openvino: GraphEngine | None = None
    torch: TorchEngine | None = None
    classical: ClassicalEngine | None = None
    hybrid: HybridEngine | None = None

    @model_validator(mode="after")
    def _some(self) -> Engines:
        if not any((self.openvino, self.torch, self.classical, self.hybrid)):
            raise ValueError("no engine; expected openvino, torch, classical or hybrid")
        return self


class TrainingData(_Strict):
    """One data set that the weights have seen."""

    name: str
    sha256: Sha256 = Field(
        description="of its content (`Dataset.sha256`); of drawn images, of their annotations.json"
    )
    images: int = Field(ge=0)
    licence: str


class Training(_Strict):
    """How the weights came about."""

    command: str
    data: tuple[TrainingData, ...]
    steps: int = Field(ge=0)
    images_seen: int = Field(ge=0)
    training_s: float = Field(ge=0)


class Manifest(_Strict):
    """The content of model.json."""

    format: Literal[1] = Field(default=1, alias="schema")
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=80)]
    task: Literal["instance-segmentation", "semantic-segmentation"] = "instance-segmentation"
    classes: tuple[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")], ...] = Field(
        min_length=1
    )
    input_px: int | None = Field(
        default=None, ge=64, le=4096, description="side of the square input; None takes any size"
    )
    engines: Engines
    semantic: SemanticOutput | None = None
    exclusive: bool = Field(
        default=False,
        description="instances: of findings of different classes on one thing the best one stays",
    )
    inference: Inference = Field(
        default_factory=lambda: Inference(), description="how it is run where a recipe says nothing"
    )
    thresholds: dict[str, Threshold]
    training: Training | None = None
    metrics: dict[str, Any] = Field(default_factory=dict)
    licence: str
    files: dict[FileName, Sha256] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"a class stands twice in {list(self.classes)}")
        if (self.semantic is not None) != (self.task == "semantic-segmentation"):
            raise ValueError(
                f"`semantic` belongs to semantic-segmentation, the task is {self.task}"
            )
        joined = self.inference.join.classes if self.inference.join else ()
        if unknown := set(joined) - set(self.classes):
            raise ValueError(f"join names {sorted(unknown)}, classes are {sorted(self.classes)}")
        if set(self.thresholds) != set(self.classes):
            raise ValueError(
                f"thresholds are for {sorted(self.thresholds)}, classes are {sorted(self.classes)}"
            )
        needed = {
            *([self.engines.openvino.graph] if self.engines.openvino else []),
            *([self.engines.torch.weights] if self.engines.torch else []),
        }
        hybrid = self.engines.hybrid
        for part in (hybrid.instances, hybrid.pixels) if hybrid else ():
            needed |= set(part.files)
            for name, sha256 in part.files.items():
                if self.files.get(name, sha256) != sha256:
                    raise ValueError(f"{name} has another SHA-256 in {part.name} than in `files`")
        if missing := needed - set(self.files):
            raise ValueError(f"no SHA-256 in `files` for {sorted(missing)}")
        for name in self.files:
            if not name.endswith(FILE_TYPES):
                raise ValueError(f"{name} is none of the file types {', '.join(FILE_TYPES)}")
        return self


# Manifests stand inside the manifest of a hybrid.
HybridEngine.model_rebuild()
Engines.model_rebuild()
Manifest.model_rebuild()
