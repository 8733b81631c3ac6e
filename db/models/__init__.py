"""Every table, in the words of the design."""

from db.models.acquisitions import Acquisition
from db.models.alert_rules import AlertChannel, AlertRule, AlertTarget, AlertWatch
from db.models.alerting import Alert, Delivery
from db.models.audit import AuditEntry
from db.models.discrepancies import DeviationStreak, Discrepancy, DiscrepancyEvent
from db.models.inspections import Disposition, Finding, Inspection, MeasurementRow
from db.models.lab import CameraShot, CameraStateRow, RecipeActivation, RecipeTrial
from db.models.labels import (
    Annotation,
    DatasetSnapshot,
    LabelledImage,
    SnapshotImage,
    SnapshotStation,
)
from db.models.people import Device, OneTimeLink, Person, RecoveryCode, RoleGrant, WebSession
from db.models.places import Calibration, Camera, CameraMinute, Line, Shift, Site, Station
from db.models.products import Lot, Part, PartArrival, Product
from db.models.recipes import ModelVersion, RecipeRow, RecipeVersion
from db.models.registry import GateFlip, GateRun, ModelUpload, Promotion, RegisteredModel
from db.models.review_items import (
    Reading,
    ReviewCursor,
    ReviewDay,
    ReviewItem,
    ReviewSampling,
)
from db.models.reviews import Review
from db.models.shadows import Shadow, ShadowResult
from db.models.tokens import ApiToken
from db.models.training import Trainer, TrainingRun
from db.models.watching import ImageStatistic, StationCheck, StationHold, StationReference

__all__ = [
    "Acquisition",
    "Alert",
    "AlertChannel",
    "AlertRule",
    "AlertTarget",
    "AlertWatch",
    "Annotation",
    "ApiToken",
    "AuditEntry",
    "Calibration",
    "Camera",
    "CameraMinute",
    "CameraShot",
    "CameraStateRow",
    "DatasetSnapshot",
    "Delivery",
    "DeviationStreak",
    "Device",
    "Discrepancy",
    "DiscrepancyEvent",
    "Disposition",
    "Finding",
    "GateFlip",
    "GateRun",
    "ImageStatistic",
    "Inspection",
    "LabelledImage",
    "Line",
    "Lot",
    "MeasurementRow",
    "ModelUpload",
    "ModelVersion",
    "OneTimeLink",
    "Part",
    "PartArrival",
    "Person",
    "Product",
    "Promotion",
    "Reading",
    "RecipeActivation",
    "RecipeRow",
    "RecipeTrial",
    "RecipeVersion",
    "RecoveryCode",
    "RegisteredModel",
    "Review",
    "ReviewCursor",
    "ReviewDay",
    "ReviewItem",
    "ReviewSampling",
    "RoleGrant",
    "Shadow",
    "ShadowResult",
    "Shift",
    "Site",
    "SnapshotImage",
    "SnapshotStation",
    "Station",
    "StationCheck",
    "StationHold",
    "StationReference",
    "Trainer",
    "TrainingRun",
    "WebSession",
]
