"""What gives way to the line: one kind of work that fails holds up no other."""

from typing import Any, cast

import pytest

from workers.inspecting import background
from workers.inspecting.runtime import Runtime


def test_one_kind_that_fails_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def broken(_runtime: Any) -> bool:
        raise OSError("the store is away")

    def more(_runtime: Any) -> bool:
        done.append("more")
        return True

    def none(_runtime: Any) -> bool:
        done.append("none")
        return False

    monkeypatch.setattr(background, "STEPS", (broken, more, none))
    assert background.background_step(cast(Runtime, None)) is True
    assert done == ["more", "none"]
    monkeypatch.setattr(background, "STEPS", (broken, none))
    assert background.background_step(cast(Runtime, None)) is False
