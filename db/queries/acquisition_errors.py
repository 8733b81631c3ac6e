"""Why an acquisition cannot be accepted."""

from db.errors import Conflict, DomainError, NotFound

_HELD_RETRY_S = 1.0  # a claim takes at most 2 s of engine time, so that room comes within seconds


class Held(DomainError):
    """The policy is `every` and as many acquisitions wait as may; nothing was written."""

    def __init__(self, camera_id: int, waiting: int, max_waiting: int) -> None:
        super().__init__(f"camera {camera_id}: {waiting} of {max_waiting} acquisitions wait")
        self.camera_id, self.waiting, self.max_waiting = camera_id, waiting, max_waiting
        self.retry_after_s = _HELD_RETRY_S


class UnknownCamera(NotFound):
    def __init__(self, camera_id: int) -> None:
        super().__init__("camera", camera_id)
        self.camera_id = camera_id


class NoRecipe(Conflict):
    """The camera's station has no active recipe version, so that nothing could be judged."""

    def __init__(self, station_id: int) -> None:
        super().__init__(f"station {station_id}", "it has no active recipe")
        self.station_id = station_id


class KeyReused(Conflict):
    """An idempotency key came again with another image; the first one stands."""

    def __init__(self, idempotency_key: str, acquisition_id: int) -> None:
        super().__init__("idempotency key", f"{idempotency_key!r} came before, with another image")
        self.idempotency_key, self.acquisition_id = idempotency_key, acquisition_id


class NotResendable(Conflict):
    """Only what ended as `not_inspected` and still has its image can be sent again."""

    def __init__(self, acquisition_id: int, why: str) -> None:
        super().__init__(f"acquisition {acquisition_id}", f"it cannot be sent again: {why}")
        self.acquisition_id, self.why = acquisition_id, why
