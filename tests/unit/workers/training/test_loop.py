"""The loop with a task of one number: when it stops, and which weights it gives."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from click.testing import CliRunner  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from lineside.commands import train as train_command  # noqa: E402
from tests.unit.workers.training.small_runs import small_plan  # noqa: E402
from workers.training.checkpoint import Progress  # noqa: E402
from workers.training.loop import matrix_type, mixed_precision, train  # noqa: E402

PLAN = small_plan(
    20, peak_rate=0.1, weight_decay=0.0, warm_up_steps=1, chunk_steps=2, validate_every=0.1
)


class OneNumber:
    """Learns a number towards 1; validations are what the test says they are."""

    def __init__(self, figures: Sequence[float] = (), loss_is_broken_at: int = -1) -> None:
        self.figures, self.broken_at = iter(figures), loss_is_broken_at
        self.steps = 0
        self.seen: list[float] = []

    def batch(self, done: float) -> int:
        return 1

    def dataset(self, progress: Progress, done: float, count: int) -> Any:
        return [progress.items + place for place in range(count)]

    def collate(self, samples: list[Any]) -> Any:
        return samples

    def losses(self, model: nn.Module, batch: Any, device: str) -> dict[str, Tensor]:
        assert batch == [self.steps]
        self.steps += 1
        loss = (model(torch.zeros(1, 1)) - 1).square().sum()
        return {"loss": loss * (float("nan") if self.steps == self.broken_at else 1)}

    def validate(self, model: nn.Module) -> float:
        self.seen.append(float(model(torch.zeros(1, 1)).detach()))
        return next(self.figures)

    def state(self) -> dict[str, Tensor]:
        return {}


def number() -> nn.Module:
    model = nn.Linear(1, 1)
    nn.init.zeros_(model.bias)
    return model


def test_the_weights_of_the_best_validation_are_given_back(tmp_path: Path) -> None:
    task = OneNumber([0.1, 0.5, 0.9, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1])
    best = train(number(), task, replace(PLAN, patience=None), tmp_path, report=lambda *_: None)
    assert task.steps == 20
    assert len(task.seen) == 10
    assert float(best(torch.zeros(1, 1)).detach()) == pytest.approx(task.seen[2])
    assert task.seen[2] != task.seen[9]


def test_it_stops_once_nothing_has_been_better_for_a_while(tmp_path: Path) -> None:
    task = OneNumber([0.1, 0.5, 0.4, 0.4, 0.4, 0.9])
    train(number(), task, replace(PLAN, patience=3), tmp_path, report=lambda *_: None)
    assert len(task.seen) == 5
    assert task.steps == 10


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_last_checkpoint(
    tmp_path: Path,
) -> None:
    task = OneNumber([0.1] * 10, loss_is_broken_at=5)
    with pytest.raises(FloatingPointError, match="not a number any more at step 4"):
        train(number(), task, PLAN, tmp_path, report=lambda *_: None)
    again = OneNumber([0.1] * 10)
    again.steps = 4
    train(
        number(), again, replace(PLAN, patience=None), tmp_path, report=lambda *_: None, resume=True
    )
    assert again.steps == 20
    with pytest.raises(FileNotFoundError, match="nothing to resume"):
        train(number(), task, PLAN, tmp_path / "no", report=lambda *_: None, resume=True)


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ("AVX512", torch.bfloat16),
        ("SVE256", torch.bfloat16),
        ("AVX2", torch.float32),
        ("DEFAULT", torch.float32),
    ],
)
def test_a_cpu_multiplies_in_bf16_where_it_does_not_only_imitate_it(
    monkeypatch: pytest.MonkeyPatch, capability: str, expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    cpu = torch.device("cpu")
    assert matrix_type(cpu) == expected
    with mixed_precision(cpu):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--network", "unett"], "unknown network 'unett'"),
        (["--network", "detectron2:x.yaml"], "needs Detectron2"),
        (["--network", "segnet", "--encoder", "resnet18"], "it has vgg16, light"),
        (["--group", "("], "unterminated"),
        (["--network", "unet"], "no-dataset"),
        (["--data", "drawn:walls"], "nothing draws 'walls'"),
    ],
)
def test_what_cannot_be_trained_on_is_said_with_status_2(
    options: list[str], said: str, tmp_path: Path
) -> None:
    common = ["--data", str(tmp_path), "--out", str(tmp_path / "model")]
    ended = CliRunner().invoke(train_command.command, [*common, *options])
    assert ended.exit_code == 2
    assert said in ended.output
