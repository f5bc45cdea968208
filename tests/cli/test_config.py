"""`harpi config` as a person uses it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.support.command import harpi


def test_show_is_toml_of_everything(tmp_path: Path) -> None:
    path = tmp_path / "harpi.toml"
    path.write_text("[sensor]\nrate = 100\n")
    done = harpi("config", "show", "--config", str(path), "--set", "knn.k=3")
    assert done.returncode == 0
    tables = tomllib.loads(done.stdout)
    assert (tables["sensor"]["rate"], tables["knn"]["k"], tables["mqtt"]["port"]) == (
        100,
        3,
        1883,
    )


def test_show_changed_tells_where_each_value_comes_from(tmp_path: Path) -> None:
    path = tmp_path / "harpi.toml"
    path.write_text("[sensor]\nrate = 100\n")
    done = harpi("config", "show", "--changed", "-c", str(path), HARPI_LOG__LEVEL="debug")
    assert done.stdout == (
        f'[sensor]\nrate = 100  # {path}:2\n\n[log]\nlevel = "debug"  # HARPI_LOG__LEVEL\n'
    )


def test_check_is_content(tmp_path: Path) -> None:
    path = tmp_path / "harpi.toml"
    path.write_text("[sensor]\nrate = 100\n")
    done = harpi("config", "check", "-c", str(path))
    assert done.returncode == 0
    assert done.stdout == f"The configuration is valid ({path}; 1 settings given).\n"


def test_check_tells_every_mistake_in_a_line_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "harpi.toml"
    path.write_text("[sensor]\nrate = 60\nadress = 1\n")
    done = harpi("config", "check", "-c", str(path))
    assert done.returncode == 2
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == ["harpi"] * 2
    assert f"harpi: {path}:2: sensor.rate cannot be 60" in done.stderr
    assert f"harpi: {path}:3: there is no setting sensor.adress" in done.stderr


def test_check_looks_for_the_files_that_are_named(tmp_path: Path) -> None:
    done = harpi("config", "check", "--set", f"models.base={tmp_path}/none.tflite")
    assert done.returncode == 2
    assert "none.tflite cannot be read: No such file or directory" in done.stderr


def test_defaults_can_be_started_from(tmp_path: Path) -> None:
    path = tmp_path / "harpi.toml"
    path.write_text(harpi("config", "defaults").stdout)
    assert harpi("config", "check", "-c", str(path)).returncode == 0
