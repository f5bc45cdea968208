"""Every command that the documentation shows works.

A page's fenced blocks are sorted by their first line:

- ```` ```console ````: what follows each `$ ` is run, a page as one shell session, in an
  empty home without any settings, beside a broker at the usual port. The lines below a command
  are what it says; `...` stands for what differs from run to run.
- ```` ```console broker ````: likewise, beside the broker that `sudo harpi setup --broker`
  makes; `tests/test_docs_broker.py` runs them.
- ```` ```console pi ````: needs a Pi, root or a package manager. Commands of harpi in it must
  exist with the options that are shown; make targets must exist.

Those of docs/workshop.md need TensorFlow; `tests/models/test_workshop_page.py` runs them.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path

import jsonschema
import msgspec
import pytest

from harpi.cli import EXIT_CODES
from harpi.commands import COMMANDS
from harpi.controls.leds import as_markdown
from harpi.publish.commands import ASIDE
from harpi.publish.messages import State, json_schema
from tests.docs import PAGE, commands_page
from tests.support.clean_shell import shell

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^ *```console(?P<pi> pi)?\n(?P<body>.*?)^ *```$", re.DOTALL | re.MULTILINE)
PAGE_SECONDS = 100


def steps(page: Path, *, pi: bool) -> list[tuple[str, list[str]]]:
    """Give the commands of a page, each with the lines that it is to say.

    Continued lines are joined, and comments dropped.
    """
    found: list[tuple[str, list[str]]] = []
    for block in FENCE.finditer(page.read_text("utf-8")):
        if bool(block["pi"]) != pi:
            continue
        body = textwrap.dedent(block["body"]).replace("\\\n", " ")
        for line in body.splitlines():
            if line.startswith("$ "):
                found.append((line[2:].split("  #")[0].strip(), []))
            elif line.strip():
                found[-1][1].append(line)
    return found


def commands(page: Path, *, pi: bool) -> list[str]:
    """Give the commands of a page."""
    return [command for command, _ in steps(page, pi=pi)]


def missing(said: str, expected: list[str]) -> list[str]:
    """Give the lines that were not said, or not in their order; others may stand between."""
    lines = iter(said.splitlines())
    patterns = [".*".join(map(re.escape, one.rstrip().split("..."))) for one in expected]
    return [p for p in patterns if not any(re.fullmatch(p, line.rstrip()) for line in lines)]


def as_in_another_terminal(line: str) -> str:
    """Let a command that runs until Ctrl-C run beside the next ones, and see that it does."""
    if not re.search(r"harpi run\b", line) or line.endswith("&"):
        return line
    return f"{line} & sleep 6; kill -0 $!"


def pages_with(*, pi: bool) -> list[Path]:
    return [page for page in PAGES if commands(page, pi=pi)]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_command_needs_a_variable_that_nobody_has_set(page: Path) -> None:
    lines = commands(page, pi=False) + commands(page, pi=True)
    own = {x for line in lines for x in re.findall(r"\b([A-Z_]+)=", line)}
    used = {x for line in lines for x in re.findall(r"\$\{?([A-Z][A-Z_0-9]*)", line)}
    assert used <= own


@pytest.mark.broker
@pytest.mark.timeout(PAGE_SECONDS + 20)
@pytest.mark.parametrize("page", pages_with(pi=False), ids=name)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path) -> None:
    told = [step for step in steps(page, pi=False) if not step[0].startswith("make ")]
    for line in commands(page, pi=False):
        if line.startswith("make "):
            assert_make_target(line)
    if not told:
        return
    (tmp_path / ".venv").symlink_to(sys.prefix)  # as `make demo` leaves it
    broker = "mosquitto -p 1883 >/dev/null 2>&1 &"
    runnable = [as_in_another_terminal(line) for line, _ in told]
    done = shell([broker, *runnable], tmp_path, seconds=PAGE_SECONDS)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Traceback" not in done.stdout, done.stdout[-3000:]
    rest = done.stdout
    for command, following, (_, expected) in zip(
        runnable, [*runnable[1:], ""], told, strict=True
    ):
        rest = rest.split(f"$ {command}\n", 1)[1]
        said = rest.split(f"$ {following}\n", 1)[0]
        assert not missing(said, expected), f"{command} says otherwise:\n{said}"


def test_what_a_command_says_is_held_to_the_page() -> None:
    said = "one take\nnoise of another program\n2 of 3 windows\n"
    assert missing(said, ["one take", "... of 3 windows"]) == []
    assert missing(said, ["2 of 3 windows", "one take"]) == ["one\\ take"]
    assert missing(said, ["1 of 3 windows"])


@pytest.mark.parametrize("page", pages_with(pi=True), ids=name)
def test_the_commands_for_a_pi_exist(page: Path) -> None:
    for line in commands(page, pi=True):
        words = shlex.split(line.split("|")[0].split(">")[0])
        while words and (words[0] in {"sudo", "-u", "harpi-user"} or "=" in words[0]):
            words = words[1:]
        if words[:1] == ["make"]:
            assert_make_target(line)
        elif words[:1] and Path(words[0]).name == "harpi":
            assert_harpi_command(words[1:])


def assert_make_target(line: str) -> None:
    target = shlex.split(line)[1]
    assert re.search(
        rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE
    ), line


def assert_harpi_command(words: list[str]) -> None:
    verbs = []
    for word in words:
        if word.startswith("-") or not re.fullmatch(r"[a-z][a-z-]*", word):
            break
        verbs.append(word)
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    help_text = ""
    while verbs:
        shown = subprocess.run(
            [sys.executable, "-m", "harpi", *verbs, "--help"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if shown.returncode == 0:
            help_text = shown.stdout
            break
        verbs = verbs[:-1]
    assert help_text or not words, f"harpi {' '.join(words)}"
    for option in options:
        assert option in help_text or option in {"--help", "--version"}, f"{option}: {words}"


def test_the_table_of_lights_is_the_one_in_the_code() -> None:
    text = (ROOT / "docs" / "teach.md").read_text("utf-8")
    shown = text.split("<!-- patterns -->\n")[1].split("<!-- /patterns -->")[0]
    assert shown == as_markdown()


LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)|(?:src|srcset)=\"([^\"]+)\"")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    targets = [a or b for a, b in LINK.findall(page.read_text("utf-8"))]
    local = [target for target in targets if "://" not in target]
    missing = [target for target in local if not (page.parent / target).exists()]
    assert not missing


def test_every_command_by_mqtt_stands_in_the_page_with_its_fields() -> None:
    text = (ROOT / "docs" / "mqtt.md").read_text("utf-8")
    table = text.split("## Commands")[1].split("## Evaluations")[0]
    rows = re.findall(r"^\| (`[a-z`, ]+) \|(.*)\|$", table, re.MULTILINE)
    listed = {
        name: set(re.findall(r"`([a-z]+)`", fields))
        for names, fields in rows
        for name in re.findall(r"`([a-z]+)`", names)
    }
    known = {**COMMANDS, **ASIDE}
    assert listed == {name: set(kind.__struct_fields__) for name, kind in known.items()}


def test_the_exit_codes_are_those_in_the_code() -> None:
    text = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    assert listed == set(EXIT_CODES)


def state_schema() -> str:
    """Give the schema of `/state` as the README shows it."""
    whole = json_schema()
    definitions = {name: whole["$defs"][name] for name in ("State", "Opinion")}
    shown = {"$ref": "#/$defs/State", "$defs": definitions}
    return f"```json\n{json.dumps(shown, indent=1)}\n```\n"


def test_the_schema_in_the_readme_is_that_of_the_messages() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.split("<!-- schema -->\n")[1].split("<!-- /schema -->")[0] == state_schema()


def test_the_example_in_the_readme_is_a_state() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    state = msgspec.json.decode(example, type=State)
    jsonschema.validate(json.loads(example), {"$ref": "#/$defs/State", **json_schema()})
    assert state.personal.answer == "walking"
    assert state.generic.answer is None


def test_the_page_of_all_commands_is_that_of_the_code() -> None:
    assert PAGE.read_text("utf-8") == commands_page(), "run `python -m tests.docs`"


def test_the_readme_quotes_the_first_line_of_the_study() -> None:
    first = (ROOT / "docs" / "study.md").read_text("utf-8").split("\n\n")[1]
    readme = (ROOT / "README.md").read_text("utf-8").replace("\n> ", " ")
    assert " ".join(first.split()) in " ".join(readme.split())
