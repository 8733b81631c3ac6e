"""How often, how long and how many at once deliveries are tried."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

Clock = Callable[[Session], datetime]  # by which is dispatched, claimed and settled


@dataclass(frozen=True)
class Policy:
    """12 attempts from 2 s on are about four hours. `in_flight`: of one channel, at once."""

    attempts: int = 12
    first_wait_s: float = 2
    factor: float = 3
    longest_wait_s: float = 3600
    lease_s: float = 60
    in_flight: int = 4

    def wait_s(self, attempt: int, draw: Callable[[], float] = random.random) -> float | None:
        """Seconds until the attempt after the `attempt`-th (from 1); None: there is none.

        Exponential with "equal jitter" (AWS Architecture Blog, "Exponential Backoff And Jitter"):
        half of it is certain, so that a receiver in trouble gets its rest, and half is drawn in
        [0, 1), so that what failed together does not come back together.
        """
        if attempt >= self.attempts:
            return None
        # Capped before the power, which overflows a float after some 600 attempts.
        whole = min(self.longest_wait_s, self.first_wait_s * self.factor ** min(attempt - 1, 100))
        return whole / 2 + draw() * whole / 2
