from __future__ import annotations

from pathlib import Path

import pytest

from harpi.cli import main
from harpi.cli.backup import PARTS
from harpi.diary.store import FILE_NAME as DIARY
from harpi.evaluation.runs import FILE_NAME as RUNS
from harpi.imu.calibration import FILE_NAME as CALIBRATION
from harpi.learning.models import HEADS
from harpi.signal.gait import FILE_NAME as MOUNTING
from harpi.store.claim import StateClaim
from harpi.store.store import Store
from tests.support.takes import ROOMY, signal, take_of


def harpi(state: Path, *words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--set", f"paths.state={state}"])
    return int(ended.value.code or 0)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    with Store(tmp_path / "state" / "takes.db", ROOMY) as store:
        store.new_session()
        store.add(take_of(), [signal()])
    return tmp_path / "state"


def test_what_was_learnt_goes_to_another_card(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, other = tmp_path / "harpi.zip", tmp_path / "other"
    assert harpi(state, "backup", str(file)) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert harpi(other, "restore", str(file)) == 0
    assert f"{other} is as {file} has it." in capsys.readouterr().out
    with Store(other / "takes.db", read_only=True) as store:
        assert len(store.takes()) == 1


def test_a_file_that_is_there_is_not_overwritten(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "harpi.zip"
    file.write_text("dear")
    assert harpi(state, "backup", str(file)) == 6
    assert "there is such a file already" in capsys.readouterr().err
    assert file.read_text() == "dear"
    assert list(tmp_path.glob("*.part")) == []


def test_it_is_not_restored_over_a_running_daemon_nor_unasked(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "harpi.zip"
    harpi(state, "backup", str(file))
    with StateClaim(state):
        assert harpi(state, "restore", str(file), "--replace") == 8
    assert harpi(state, "restore", str(file)) == 2
    assert "--replace" in capsys.readouterr().err
    assert harpi(state, "restore", str(file), "--replace") == 0
    assert "What was there is in" in capsys.readouterr().out


def test_the_parts_are_called_as_whoever_writes_them_calls_them() -> None:
    assert PARTS == (HEADS, CALIBRATION, MOUNTING, RUNS, DIARY)
