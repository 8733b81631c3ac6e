"""The four verdicts, why something was not inspected, and what can become of a discrepancy."""

from enum import StrEnum


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105  (no password)
    WARN = "warn"
    FAIL = "fail"
    NOT_INSPECTED = "not_inspected"


class Reason(StrEnum):
    """Why an acquisition was not inspected."""

    SUPERSEDED = "superseded"  # a newer frame came first (frame policy `latest`)
    UNREADABLE = "unreadable"  # empty, truncated, or no image at all
    UNSUPPORTED = "unsupported"  # an image, but of a kind that is not inspected
    TOO_LARGE = "too_large"  # more pixels or bytes than are decoded
    CORRUPT = "corrupt"  # the stored file is not the one that was acquired
    MISSING_IMAGE = "missing_image"  # the stored file is gone
    STORAGE_FULL = "storage_full"  # the image could not be stored
    OCCLUDED = "occluded"  # something stands before every position of the shelf
    NOT_REGISTERED = "not_registered"  # the shelf is not where its planogram saw it
    UNCALIBRATED = "uncalibrated"  # the recipe has limits in mm, the station no valid scale
    BLIND = "blind"  # black, blank or over-exposed
    FROZEN = "frozen"  # the camera repeats one frame
    MODEL_MISSING = "model_missing"  # the recipe's model cannot be loaded on this worker
    STATION_HOLD = "station_hold"  # nobody trusts the station until an engineer releases it
    FAILED = "failed"  # five attempts ended without a result; see the dead letters


class AcquisitionState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    DONE = "done"


class DiscrepancyState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    FALSE_CALL = "false_call"


class CameraState(StrEnum):
    ONLINE = "online"
    DEGRADED = "degraded"
    OFFLINE = "offline"
    ENDED = "ended"
    DISABLED = "disabled"
