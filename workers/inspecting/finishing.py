"""The end of the pipeline: judges, commits each claim in one transaction, tells the screens."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import structlog
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError, TimeoutError
from sqlalchemy.orm import Session, sessionmaker

from db.engine import Database, database_now
from db.models import RecipeVersion
from db.queries.calibrations import Scale, current_scales
from db.queries.claims import ClaimedFrame, give_back, note_failure
from db.queries.commits import Committed, commit_results
from db.queries.model_versions import model_version_id
from db.queries.results import NewInspection
from inspection.judgement import Judgement
from inspection.recipe import Recipe
from workers.inspecting.events import Publish, tell_screens
from workers.inspecting.held import Detected, Failed, HeldClaim, NotTried, Outcome, Refused
from workers.inspecting.shelf_watch import ShelfWatch

_log = structlog.get_logger()

_RETRY_FAILED_S = 1.0  # before an attempt that raised is followed by the next
_PAUSE_S = (0.1, 1.0)  # between tries while the database is away
_LONGEST_WAIT_S = 60.0

T = TypeVar("T")
# Of detections, their classes, a recipe and a calibration, for a shelf of how it is seen as
# well, and when the frame was captured.
Judge = Callable[..., Judgement]


@dataclass(frozen=True)
class _Rules:
    """By what a claim is judged."""

    recipes: Mapping[int, Recipe | Exception]  # by recipe version id
    scales: Mapping[int, Scale]  # by station id


class Finisher:
    """Takes outcomes in one thread; a claim is committed when its last one is there."""

    def __init__(
        self,
        database: Database,
        judge: Judge,
        publish: Publish,
        recipes: dict[int, Recipe],
        *,
        commit: Callable[..., Committed] = commit_results,
        watch: ShelfWatch | None = None,
    ) -> None:
        """
        Args:
            watch: kept from drain to drain as well; it knows the scan before.
            recipes: kept from drain to drain; a recipe version is never edited.
        """
        self._database, self._judge, self._publish = database, judge, publish
        self._recipes, self._commit = recipes, commit
        self._watch = watch or ShelfWatch()
        self._rules: dict[str, _Rules] = {}  # by token
        self._outcomes: queue.SimpleQueue[tuple[HeldClaim, ClaimedFrame, Outcome] | None]
        self._outcomes = queue.SimpleQueue()
        self.finished = 0  # frames whose outcome has been taken
        self._thread = threading.Thread(target=self._run, name="finish", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, held: HeldClaim, frame: ClaimedFrame, outcome: Outcome) -> None:
        self._outcomes.put((held, frame, outcome))

    def close(self) -> None:
        """Return when all that was put has been committed, or cannot be."""
        self._outcomes.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self._outcomes.get()) is not None:
            held, frame, outcome = item
            try:
                self._take(held, frame, outcome)
                if held.complete:
                    self._rules.pop(held.claim.token, None)
                    self._settle(held)
                    held.settled = True
            except Exception:  # noqa: BLE001 - outermost loop; later claims must go on
                # The lease runs out, and somebody else claims what this claim held.
                held.settled = True
                _log.exception("claim.lost", token=held.claim.token)
            finally:
                self.finished += 1

    def _take(self, held: HeldClaim, frame: ClaimedFrame, outcome: Outcome) -> None:
        ended = self._judged(held, frame, outcome) if isinstance(outcome, Detected) else outcome
        if isinstance(ended, NewInspection):
            held.results.append(ended)
        elif isinstance(ended, Refused):
            held.results.append(NewInspection(frame.frame, ended.judgement))
        elif isinstance(ended, NotTried):
            held.not_tried.append(frame.acquisition_id)
        elif isinstance(ended, Failed):
            held.failed[frame.acquisition_id] = ended.error

    def _judged(
        self, held: HeldClaim, frame: ClaimedFrame, detected: Detected
    ) -> NewInspection | Failed:
        rules = self._rules.get(held.claim.token)
        if rules is None:
            rules = self._retried(
                held, lambda session: self._read_rules(session, held), self._database.reads
            )
            self._rules[held.claim.token] = rules
        recipe = rules.recipes[frame.frame.recipe_version_id]
        scale = rules.scales.get(frame.frame.station_id)
        try:
            if isinstance(recipe, Exception):
                raise recipe
            sight = None
            if detected.image is not None:
                sight = self._watch.see(frame.frame, detected.image, recipe)
            # A recipe of no shelf is judged by its findings alone.
            of_shelf = () if sight is None else (sight,)
            judgement = self._judge(
                detected.detections,
                detected.model.classes,
                recipe,
                scale.calibration if scale else None,
                *of_shelf,
                now=frame.frame.captured_at,
            )
        except Exception as error:  # noqa: BLE001 - one frame must not take its neighbours along
            _log.exception("judge.failed", acquisition_id=frame.acquisition_id)
            return Failed(f"judging: {error!r}")
        held.model = detected.model
        held.judged.add(frame.acquisition_id)
        return NewInspection(
            frame.frame,
            judgement,
            calibration_id=scale.calibration_id if scale else None,
            engine_ms=round(detected.engine_s * 1000, 2),
        )

    def _read_rules(self, session: Session, held: HeldClaim) -> _Rules:
        frames = [claimed.frame for claimed in held.claim.frames]
        recipes: dict[int, Recipe | Exception] = {}
        for version_id in {frame.recipe_version_id for frame in frames}:
            if version_id not in self._recipes:
                body = session.get_one(RecipeVersion, version_id).body
                try:
                    self._recipes[version_id] = Recipe.model_validate(body)
                except ValidationError as error:
                    recipes[version_id] = error
                    continue
            recipes[version_id] = self._recipes[version_id]
        stations = {frame.station_id for frame in frames}
        return _Rules(recipes, current_scales(session, stations, database_now(session)))

    def _settle(self, held: HeldClaim) -> None:
        try:
            committed = self._retried(held, lambda session: self._write(session, held))
        except (OperationalError, InterfaceError, TimeoutError):
            raise
        except SQLAlchemyError as error:
            # Something in the results themselves: each is tried again by itself, so that only
            # the one that is at fault fails again.
            _log.exception("commit.failed", token=held.claim.token)
            for result in held.results:
                held.failed[result.frame.acquisition_id] = f"committing: {error!r}"
            held.results.clear()
            committed = self._retried(held, lambda session: self._write(session, held))
        if held.model is not None and committed.inspections:
            held.model.version_id = held.model_version_id
        tell_screens(self._publish, committed)
        lost = len(held.results) - len(committed.inspections)
        if lost:
            # Another worker has taken over what this one was too slow for; the fence held.
            _log.warning("claim.taken_over", token=held.claim.token, frames=lost)

    def _write(self, session: Session, held: HeldClaim) -> Committed:
        token, warm = held.claim.token, held.model
        results = held.results
        if warm is not None:
            # Not kept until the commit, for this transaction may end otherwise.
            version_id = warm.version_id or model_version_id(
                session,
                warm.folder.name,
                warm.folder.version,
                warm.engine,
                warm.manifest_json(),
            )
            held.model_version_id = version_id
            results = [
                replace(result, model_version_id=version_id)
                if result.frame.acquisition_id in held.judged
                else result
                for result in results
            ]
        policies = {
            version_id: recipe.discrepancies
            for version_id, recipe in self._recipes.items()
            if any(result.frame.recipe_version_id == version_id for result in results)
        }
        committed = self._commit(session, token, results, policies)
        for acquisition_id, error in held.failed.items():
            note_failure(session, token, acquisition_id, error, retry_s=_RETRY_FAILED_S)
        if held.not_tried:
            give_back(session, token, held.not_tried)
        return committed

    def _retried(
        self,
        held: HeldClaim,
        work: Callable[[Session], T],
        sessions: sessionmaker[Session] | None = None,
    ) -> T:
        """Do it in a transaction, again and again while the database is away and the lease lasts.

        Done twice it does no harm: what has been written is no longer under the token.
        """
        pause_s = _PAUSE_S[0]
        until = time.monotonic() + min(max(held.lease_left_s, 0), _LONGEST_WAIT_S)
        while True:
            try:
                with (sessions or self._database.sessions).begin() as session:
                    return work(session)
            except (OperationalError, InterfaceError, TimeoutError) as error:
                if time.monotonic() + pause_s > until:
                    raise
                _log.warning("database.away", error=str(error), retry_s=pause_s)
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_S[1])
