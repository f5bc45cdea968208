"""One program at a time has a state folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harpi.daemon import Daemon
from harpi.errors import AlreadyRunning
from harpi.store.claim import LOCK_FILE, StateClaim, holder_of
from harpi.timebase import SystemTime
from tests.support.device import device_config, emulated


def test_a_second_claim_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    with StateClaim(tmp_path), pytest.raises(AlreadyRunning, match="another harpi uses"):
        StateClaim(tmp_path)
    StateClaim(tmp_path).release()


def test_a_folder_that_is_not_there_is_made(tmp_path: Path) -> None:
    with StateClaim(tmp_path / "state" / "harpi"):
        assert (tmp_path / "state" / "harpi" / LOCK_FILE).exists()


def test_a_folder_that_cannot_be_made_is_claimed_by_nobody(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    StateClaim(tmp_path / "state").release()


def test_a_process_that_dies_gives_the_folder_back(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(AlreadyRunning):
            StateClaim(tmp_path)
        holder.kill()
    StateClaim(tmp_path, patience=5).release()


_HOLD = """
import sys, time
from pathlib import Path
from harpi.store.claim import StateClaim
claim = StateClaim(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_one_who_waits_gets_the_folder_when_a_short_change_is_done(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD.replace("60", "0.3"), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    with holder:
        holder.stdout.readline()
        StateClaim(tmp_path, patience=9).release()


def test_the_process_that_has_a_folder_is_named(tmp_path: Path) -> None:
    lock = tmp_path / LOCK_FILE
    lock.touch()
    found = lock.stat()
    proc = tmp_path / "proc"
    (proc / "77").mkdir(parents=True)
    (proc / "77" / "cmdline").write_bytes(b"/opt/harpi/bin/harpi\0run\0")
    device = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}"
    (proc / "locks").write_text(
        "1: POSIX  ADVISORY  WRITE 5 00:19:1 0 EOF\n"
        f"2: FLOCK  ADVISORY  WRITE 77 {device}:{found.st_ino} 0 EOF\n"
    )
    assert holder_of(tmp_path, proc) == "process 77: /opt/harpi/bin/harpi run"
    assert holder_of(tmp_path, tmp_path / "nowhere") == ""


def test_two_daemons_with_run_time_folders_of_their_own_do_not_share_their_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harpi.daemon.daemon._PATIENCE", 0.0)
    one = device_config(tmp_path, paths__runtime=str(tmp_path / "one"))
    other = device_config(tmp_path, paths__runtime=str(tmp_path / "other"))
    with StateClaim(one.paths.state_folder), pytest.raises(AlreadyRunning):
        Daemon(other, bus=emulated(SystemTime())).start()
