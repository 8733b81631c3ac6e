"""Every table, in the words of the design."""

from db.models.acquisitions import Acquisition
from db.models.alert_rules import AlertChannel, AlertRule, AlertTarget, AlertWatch
from db.models.alerting import Alert, Delivery
from db.models.audit import AuditEntry
from db.models.discrepancies import DeviationStreak, Discrepancy, DiscrepancyEvent
from db.models.inspections import Disposition, Finding, Inspection, MeasurementRow
from db.models.lab import CameraShot, CameraStateRow, RecipeActivation, RecipeTrial
from db.models.people import Device, OneTimeLink, Person, RoleGrant, WebSession
from db.models.places import Calibration, Camera, CameraMinute, Line, Shift, Site, Station
from db.models.products import Lot, Part, Product
from db.models.recipes import ModelVersion, RecipeRow, RecipeVersion
from db.models.reviews import Review
from db.models.tokens import ApiToken

__all__ = [
    "Acquisition",
    "Alert",
    "AlertChannel",
    "AlertRule",
    "AlertTarget",
    "AlertWatch",
    "ApiToken",
    "AuditEntry",
    "Calibration",
    "Camera",
    "CameraMinute",
    "CameraShot",
    "CameraStateRow",
    "Delivery",
    "DeviationStreak",
    "Device",
    "Discrepancy",
    "DiscrepancyEvent",
    "Disposition",
    "Finding",
    "Inspection",
    "Line",
    "Lot",
    "MeasurementRow",
    "ModelVersion",
    "OneTimeLink",
    "Part",
    "Person",
    "Product",
    "RecipeActivation",
    "RecipeRow",
    "RecipeTrial",
    "RecipeVersion",
    "Review",
    "RoleGrant",
    "Shift",
    "Site",
    "Station",
    "WebSession",
]
