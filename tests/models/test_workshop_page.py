"""What docs/workshop.md shows works.

Its blocks are sorted by what follows the language: `models` is run, in order, in one folder;
`long` takes too long, and only has to exist.
"""

from __future__ import annotations

import json
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

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "workshop.md").read_text("utf-8")
COURSE = (DOCS / "course.md").read_text("utf-8")
BLOCK = re.compile(r"^```(console|python) (\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(kind: str, page: str = PAGE) -> list[tuple[str, str]]:
    return [(language, body) for language, found, body in BLOCK.findall(page) if found == kind]


def commands(body: str) -> list[str]:
    lines = body.replace("\\\n", " ").splitlines()
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def photographs(folder: Path) -> None:
    """Two classes of images in `photos`, and `new.jpg`."""
    write_photographs(folder)
    (folder / "classes").rename(folder / "photos")
    shutil.copy(sorted((folder / "new").glob("flower*"))[0], folder / "new.jpg")


def run_blocks(page: str, tmp_path: Path) -> str:
    """Run what a page shows, beside some photographs; give what was said."""
    photographs(tmp_path)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    said = ""
    for language, body in blocks("models", page):
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
    return said


@pytest.mark.models
@pytest.mark.timeout(300)
def test_the_course_runs(tmp_path: Path) -> None:
    said = run_blocks(COURSE, tmp_path)
    assert "trainable parameters for each class" in said
    assert "truth, answer" in said
    assert "written: course.tflite; 8 of 8 windows answered as on the device" in said
    assert "<svg" in (tmp_path / "course.svg").read_text()


@pytest.mark.models
@pytest.mark.timeout(300)
def test_the_notebook_runs(tmp_path: Path) -> None:
    """Its cells, one after the other, as a kernel would run them."""
    cells = json.loads((DOCS / "course.ipynb").read_text("utf-8"))["cells"]
    code = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "code")
    photographs(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "plain.tflite").exists()


@pytest.mark.models
@pytest.mark.timeout(300)
def test_the_examples_run(tmp_path: Path) -> None:
    said = run_blocks(PAGE, tmp_path)
    assert "base MobileNetV2 224" in said
    assert "written: custom_model/model.tflite" in said
    assert "head mlp, optimiser adam" in said
    assert re.search(r"^new.jpg: flower [01]\.", said, re.MULTILINE)


def test_the_long_commands_exist() -> None:
    for _, body in blocks("long") + blocks("long", COURSE):
        for line in commands(body):
            program, command, *words = shlex.split(line)
            assert (program, command in COMMANDS) == ("harpi-models", True)
            shown = CliRunner().invoke(application(), [command, "--help"]).output
            assert all(word in shown for word in words if word.startswith("--"))


def test_every_command_is_listed() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert set(COMMANDS) <= set(listed)
