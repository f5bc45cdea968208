from __future__ import annotations

from pathlib import Path

import pytest

from harpi_models.cli import main


def run(*words: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["study", *map(str, words)])
    return int(ended.value.code or 0)


def test_a_folder_of_bases_that_is_not_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run("--data", tmp_path, "--bases", tmp_path / "runs", "--out", tmp_path / "out")
    assert code == 4
    said = capsys.readouterr().err
    assert "runs: there is no such folder. Give the folder `runs` that" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.models
def test_sets_that_are_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--data", tmp_path, "--quick", "--out", tmp_path / "out") == 4
    assert "the data set is missing" in capsys.readouterr().err


@pytest.mark.models
def test_a_place_that_cannot_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").touch()
    assert run("--data", tmp_path, "--out", tmp_path / "out") == 6
    assert "is a file" in capsys.readouterr().err
