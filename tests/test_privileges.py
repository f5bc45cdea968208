"""Root does nothing through the folders of another user that this user could not do."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harpi.cli import main
from harpi.errors import StoreError
from harpi.evaluation import runs
from harpi.files import FileLock
from harpi.imu import calibration
from harpi.privileges import act_as_owner, become_owner_for_good, owner_of
from harpi.store import database
from harpi.store.store import Store
from tests.support.judgements import contest
from tests.support.takes import ROOMY, signal, take_of

NOBODY = 65534
"""The user that has taken over the daemon."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has something to give up")


def in_a_child(do: Callable[[], None]) -> None:
    """Do it in a process of its own, which may give up its rights."""
    child = os.fork()
    if not child:
        try:
            do()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


def harpi(place: Path, *words: str) -> int:
    options = (f"paths.state={place}/state", f"paths.runtime={place}/run")
    more = [word for option in options for word in ("--set", option)]
    with pytest.raises(SystemExit) as ended:
        main([*words, *more, "--set", "store.keep_free_mb=0"])
    return int(ended.value.code or 0)


def fill(place: Path) -> None:
    with Store(place / "state" / database.FILE_NAME, ROOMY) as store:
        session = store.new_session()
        store.add(take_of("walking", session), [signal(4.0, seed=1)])
        store.add(take_of("sitting", session, split="test"), [signal(4.0, seed=2)])


COMMANDS = {
    "takes": (("takes", "list"), ("takes", "delete", "1"), ("import", "EXPORT/takes.zip")),
    "calibrate": (("calibrate", "show"), ("calibrate", "clear")),
    "others": (("heads", "list"), ("status",), ("export", "EXPORT/again.zip")),
}
"""Commands that touch the folders, by what they touch."""


def call(place: Path, export: Path, *groups: str) -> None:
    for group in groups or COMMANDS:
        for words in COMMANDS[group]:
            harpi(place, *(word.replace("EXPORT", str(export)) for word in words))


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that others can reach, with an export; those of the tests are root's alone.

    Every program is loaded before a right is given up: Python itself may be root's alone.
    """
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "export").mkdir(mode=0o700)
    fill(folder / "mine")
    harpi(folder / "mine", "export", f"{folder}/export/takes.zip")
    call(folder / "mine", folder / "export")
    (folder / "export" / "again.zip").unlink()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def daemon(place: Path) -> Iterator[Path]:
    """The folders of a device whose daemon is somebody else's."""
    theirs = place / "theirs"
    fill(theirs)
    (theirs / "run").mkdir()
    for found in (theirs, *theirs.rglob("*")):
        os.chown(found, NOBODY, NOBODY)
    yield theirs
    shutil.rmtree(theirs)
    (place / "export" / "again.zip").unlink(missing_ok=True)


@as_root
@pytest.mark.parametrize("target", ["made", "password", "."])
@pytest.mark.parametrize(
    ("name", "group"),
    [
        (f"state/{database.FILE_NAME}", "takes"),
        (f"state/{database.FILE_NAME}-wal", "takes"),
        (f"state/{database.FILE_NAME}.importing", "takes"),
        (f"state/{calibration.FILE_NAME}", "calibrate"),
        ("state/heads", "others"),
        ("state", "takes"),
        ("run", "calibrate"),
    ],
)
def test_a_link_in_a_folder_of_the_daemon_leads_root_nowhere(
    daemon: Path, place: Path, name: str, group: str, target: str
) -> None:
    lead(daemon / name, valuables(place) / target)
    in_a_child(lambda: call(daemon, place / "export", group))
    assert_untouched(place)


@as_root
def test_the_log_of_evaluations_leads_root_nowhere(daemon: Path, place: Path) -> None:
    log = daemon / "state" / runs.FILE_NAME
    lead(log, valuables(place) / "made")
    _, report = contest([("walking", {"knn": "walking"}), ("sitting", {"knn": "sitting"})])

    def evaluate() -> None:
        act_as_owner(daemon / "state")
        with pytest.raises(StoreError):
            runs.RunLog(log).append(report)
        log.unlink()
        runs.RunLog(log).append(report)

    in_a_child(evaluate)
    assert_untouched(place)
    assert log.stat().st_uid == NOBODY


def valuables(place: Path) -> Path:
    folder = place / "valuable"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / "password").write_text("secret")
    return folder


def lead(trap: Path, target: Path) -> None:
    if trap.is_dir():
        shutil.rmtree(trap)
    trap.unlink(missing_ok=True)
    trap.symlink_to(target)
    os.chown(trap, NOBODY, NOBODY, follow_symlinks=False)


def assert_untouched(place: Path) -> None:
    folder = place / "valuable"
    assert list(folder.iterdir()) == [folder / "password"]
    assert (folder / "password").read_text() == "secret"
    assert (folder / "password").stat().st_uid == 0


@as_root
def test_what_root_makes_is_the_daemons_and_what_it_names_is_its_own(
    daemon: Path, place: Path
) -> None:
    in_a_child(lambda: call(daemon, place / "export", "takes", "others"))
    assert {found.stat().st_uid for found in daemon.rglob("*")} == {NOBODY}
    assert (place / "export" / "again.zip").stat().st_uid == 0
    with Store(daemon / "state" / database.FILE_NAME, ROOMY) as store:
        assert [take.label for take in store.takes()] == ["sitting"]


@as_root
def test_a_daemon_that_root_starts_cannot_become_root_again(daemon: Path) -> None:
    def become() -> None:
        become_owner_for_good(daemon / "state")
        assert os.getresuid() == (NOBODY,) * 3
        with pytest.raises(PermissionError):
            os.seteuid(0)

    in_a_child(become)


@as_root
def test_a_folder_is_another_users_where_he_could_have_led_the_way(place: Path) -> None:
    (place / "own").mkdir()
    (place / "real").mkdir()
    os.chown(place / "own", NOBODY, NOBODY)
    (place / "own" / "link").symlink_to("/etc")
    (place / "way").symlink_to(place / "own")
    for folder in ("own", "own/not/there", "own/link", "own/link/x", "way", "way/x"):
        found = owner_of(place / folder)
        assert found is not None
        assert found.user == NOBODY, folder
    assert owner_of(place / "real", place / "real" / "x") is None
    assert owner_of(place / "real", place / "own") is not None


def test_a_lock_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "made")
    with pytest.raises(OSError, match="symbolic"):
        FileLock(tmp_path / "lock").acquire()
    assert not (tmp_path / "made").exists()
