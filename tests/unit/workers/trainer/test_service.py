"""Whole runs of a small network: to the registered model, and through what may go wrong."""

import hashlib
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch")

from safetensors.torch import save_file

from db.models import DatasetSnapshot, RegisteredModel
from db.queries import training_runs
from inspection.model_folder import load_model_folder
from tests.servers import wait_until
from tests.unit.workers.trainer.conftest import run_row
from workers.networks.semantic import SemanticConfig, build_semantic
from workers.trainer.job import RunFolder
from workers.trainer.supervising import TrainerPlace
from workers.trainer.training import device_lock, train_step
from workers.training.checkpoint import read_progress

Ask = Callable[..., int]
LONG = {"steps": 4000}


def folder_of(place: TrainerPlace, run_id: int) -> RunFolder:
    return RunFolder(place.root / f"run-{run_id}", run_row(place.database, run_id).name)


def begun(place: TrainerPlace) -> threading.Thread:
    thread = threading.Thread(target=train_step, args=(place,), daemon=True)
    thread.start()
    return thread


def wait_for_checkpoint(place: TrainerPlace, run_id: int) -> None:
    path = folder_of(place, run_id).checkpoint
    wait_until(path.is_file, 200, f"{path} was not written")


def process_of(folder: RunFolder) -> tuple[int, int]:
    """The pid of the training process, and by how much it gives way."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode().split("\0")
            if str(folder.job) in command:
                return int(entry.name), os.getpriority(os.PRIO_PROCESS, int(entry.name))
        except OSError:
            continue
    raise AssertionError("no process trains")


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_run_is_cancelled_goes_on_and_becomes_a_registered_model(
    place: TrainerPlace, ask: Ask, snapshot: DatasetSnapshot
) -> None:
    run_id = ask(**LONG)
    thread = begun(place)
    wait_for_checkpoint(place, run_id)
    with place.database.sessions.begin() as session:
        assert training_runs.cancel(session, run_id, "Bo").state == "cancelling"
    thread.join(60)
    run = run_row(place.database, run_id)
    assert (run.state, run.reason) == ("cancelled", "cancelled by Bo")
    reached = read_progress(folder_of(place, run_id).checkpoint).step

    steps = reached + 2
    with place.database.sessions.begin() as session:
        resumed = training_runs.resume(session, run_id)
        resumed.options = {**resumed.options, "steps": steps}
    assert train_step(place) is False
    run = run_row(place.database, run_id)
    assert (run.state, run.reason, run.step, run.share) == ("done", "", steps, 1.0)
    loss, validation = run.curves
    places = [point[0] for point in loss["points"]]  # type: ignore[attr-defined]
    assert places == sorted(set(places))
    assert places[-1] == steps
    assert validation["points"]
    assert "images to train on" in run.log
    model = load_model_folder(place.models_dir / "small")
    assert model.manifest.training is not None
    assert model.manifest.training.steps == steps
    assert model.manifest.training.data[0].sha256 == snapshot.content_sha256
    assert "--network pspnet" in model.manifest.training.command
    with place.database.reads() as session:
        row = session.get_one(RegisteredModel, run.model_id)
        assert (row.name, row.version, row.source) == ("small", model.version, "trained")
        assert (row.snapshot_id, row.registered_by) == (snapshot.id, "Ada")


def test_a_stopped_trainer_gives_back_and_a_full_disk_keeps_the_checkpoint(
    place: TrainerPlace, ask: Ask
) -> None:
    run_id = ask(**LONG)
    thread = begun(replace(place, nice=10))
    wait_for_checkpoint(place, run_id)
    pid, nice = process_of(folder_of(place, run_id))
    assert nice >= 10
    place.stop.set()
    thread.join(60)
    run = run_row(place.database, run_id)
    assert (run.state, run.lease_until) == ("waiting", None)
    assert not Path(f"/proc/{pid}").exists()

    checkpoint = folder_of(place, run_id).checkpoint
    kept, reached = digest(checkpoint), read_progress(checkpoint).step
    assert reached > 0
    room = checkpoint.stat().st_size // 2
    train_step(replace(place, stop=threading.Event(), launch=("prlimit", f"--fsize={room}")))
    run = run_row(place.database, run_id)
    assert run.state == "failed"
    assert "the disk is full" in run.reason
    assert digest(checkpoint) == kept
    assert not list(checkpoint.parent.glob("*.part"))


def test_a_loss_that_is_no_number_ends_the_run(place: TrainerPlace, ask: Ask) -> None:
    network = build_semantic(SemanticConfig("pspnet", ("pit", "stain"), "light"))
    broken = place.models_dir / "broken"
    broken.mkdir(parents=True)
    (broken / "model.json").write_text("{}")
    nan = {
        name: (value * float("nan") if value.is_floating_point() else value).contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(nan, broken / "weights.safetensors")
    run_id = ask(init="broken", installed=("broken",))
    train_step(place)
    run = run_row(place.database, run_id)
    assert run.state == "failed"
    assert "the loss is not a number any more" in run.reason
    assert not (place.models_dir / "small").exists()


def test_a_device_does_one_run_at_a_time(place: TrainerPlace, ask: Ask) -> None:
    run_id = ask(init="nowhere", installed=("nowhere",))
    with device_lock(place) as free:
        assert free
        assert train_step(place) is False
        assert run_row(place.database, run_id).state == "waiting"
    train_step(place)
    run = run_row(place.database, run_id)
    assert run.state == "failed"
    assert "nowhere" in run.reason


def test_a_picture_that_is_gone_fails_the_run_by_name(
    place: TrainerPlace, ask: Ask, tmp_path: Path
) -> None:
    run_id = ask()
    shutil.rmtree(tmp_path / "frames")
    train_step(place)
    run = run_row(place.database, run_id)
    assert run.state == "failed"
    assert "its image is gone" in run.reason


def test_a_killed_training_process_is_told_apart(place: TrainerPlace, ask: Ask) -> None:
    run_id = ask()
    train_step(replace(place, launch=("sh", "-c", "kill -9 $$", "sh")))
    run = run_row(place.database, run_id)
    assert run.state == "failed"
    assert "most likely because memory ran out" in run.reason
