"""What harpi takes from others: pinned, and held against what is known of it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import audit
from tests.audit import LOCKS, Found


def test_every_wheel_is_pinned_by_its_digest() -> None:
    locks = list(LOCKS.glob("*.lock"))
    assert len(locks) >= 6
    for lock in locks:
        text = lock.read_text(encoding="utf-8").replace("\\\n", " ")
        lines = [line for line in text.splitlines() if line.strip() and line[0] not in " #"]
        assert lines
        for line in lines:
            assert "==" in line.partition(";")[0], line
            assert "--hash=sha256:" in line, line


def test_the_makefile_installs_nothing_that_is_not_pinned() -> None:
    text = (LOCKS.parent / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in text.splitlines() if re.search(" install [-$]", line)]
    newest = [line for line in installs if "$(VENV)-newest/" in line]
    assert (len(installs), len(newest)) == (10, 2)
    for line in set(installs) - set(newest):
        pinned = (
            "$(LOCKED)",
            "--require-hashes",
            "--no-deps --no-build-isolation --editable .",
        )
        assert any(way in line for way in pinned), line


class Service:
    """A pip-audit that says what a test wants it to."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "pip-audit"
        self.python = sys.executable
        self.asked = folder / "asked"

    def says(self, of: dict[str, dict[str, Any]], otherwise: dict[str, Any]) -> None:
        self.program.write_text(
            f"#!{self.python}\n"
            "import json, pathlib, sys\n"
            "pins = pathlib.Path(sys.argv[-1]).read_text().split()\n"
            f"open({str(self.asked)!r}, 'a').write('\\n'.join(pins) + '\\n')\n"
            f"of, otherwise = json.loads({json.dumps(json.dumps([of, otherwise]))})\n"
            "names = [pin.split('==') for pin in pins]\n"
            "said = [{'name': n, 'version': v, **of.get(n, otherwise)} for n, v in names]\n"
            "print(json.dumps({'dependencies': said}))\n"
        )
        self.program.chmod(0o755)

    def breaks(self) -> None:
        self.program.write_text("#!/bin/sh\necho 'no route to host' >&2\nexit 1\n")
        self.program.chmod(0o755)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    return made


def test_the_audit_looks_at_every_lock(service: Service) -> None:
    service.says({}, {"vulns": []})
    assert audit.audit(str(service.program)) == ([], [])
    asked = {tuple(line.split("==")) for line in service.asked.read_text().split()}
    assert asked == audit.pins(LOCKS.glob("*.lock"))
    assert len(asked) > 150


def test_a_weakness_is_told_with_what_mends_it(
    service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    weakness = {"id": "PYSEC-1", "fix_versions": ["1.2", "2.0"]}
    service.says({"h11": {"vulns": [weakness]}, "numpy": {"skip_reason": "?"}}, {"vulns": []})
    with pytest.raises(SystemExit) as ended:
        audit.main()
    assert "known weaknesses" in str(ended.value)
    said = capsys.readouterr().out
    assert "has PYSEC-1, mended in 1.2 or 2.0" in said
    assert "Not in the list: numpy" in said


@pytest.mark.parametrize("skipped", [True, False])
def test_where_nobody_can_be_asked_that_is_one_sentence(
    service: Service, skipped: bool
) -> None:
    if skipped:
        service.says({}, {"skip_reason": "Dependency not found on PyPI"})
    else:
        service.breaks()
    with pytest.raises(
        SystemExit, match=r"cannot be reached from here; nothing was audited\.$"
    ):
        audit.main()


def test_a_library_in_two_versions_is_asked_for_twice() -> None:
    wanted = [("numpy", "1.26.4"), ("numpy", "2.4.6"), ("rich", "15")]
    assert audit.rounds(wanted) == [["numpy==1.26.4", "rich==15"], ["numpy==2.4.6"]]


def test_what_is_found_reads_well() -> None:
    assert str(Found("h11 0.1", "CVE-1", "")) == "h11 0.1 has CVE-1, mended in no version"
