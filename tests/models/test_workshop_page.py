"""What docs/workshop.md shows works.

Its blocks are sorted by what follows the language: `models` is run, in order, in one folder;
`long` takes too long, and only has to exist.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from harpi_models.cli import COMMANDS, application
from tests.models.support import write_photographs

PAGE = (Path(__file__).parents[2] / "docs" / "workshop.md").read_text("utf-8")
BLOCK = re.compile(r"^```(console|python) (\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[tuple[str, str]]:
    return [(language, body) for language, found, body in BLOCK.findall(PAGE) if found == kind]


def commands(body: str) -> list[str]:
    lines = body.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.mark.models
@pytest.mark.timeout(300)
def test_the_examples_run(tmp_path: Path) -> None:
    write_photographs(tmp_path)
    (tmp_path / "classes").rename(tmp_path / "photos")
    shutil.copy(sorted((tmp_path / "new").glob("flower*"))[0], tmp_path / "new.jpg")
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = ""
    for language, body in blocks("models"):
        script = [sys.executable, "-c", body]
        if language == "console":
            script = ["bash", "-euc", "\n".join(commands(body))]
        done = subprocess.run(
            script,
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        said += done.stdout
    assert "base MobileNetV2 224" in said
    assert "written: custom_model/model.tflite" in said
    assert "head mlp, optimiser adam" in said
    assert re.search(r"^new.jpg: flower [01]\.", said, re.MULTILINE)


def test_the_long_commands_exist() -> None:
    for _, body in blocks("long"):
        for line in commands(body):
            program, command, *words = shlex.split(line)
            assert (program, command in COMMANDS) == ("harpi-models", True)
            shown = CliRunner().invoke(application(), [command, "--help"]).output
            assert all(word in shown for word in words if word.startswith("--"))


def test_every_command_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(COMMANDS) <= set(listed)
