"""A setup that is killed at any moment: the next run, and the way back, end right.

A process of its own is killed just before its n-th change of the file system or start of a
program, for every n.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from harpi.setup.features import Features
from tests.setup.test_features import WITH_BROKER
from tests.support.fake_pi import (
    copy,
    make_pi,
    quick_sysusers,
    snapshot,
    uninstall,
)
from tests.support.fake_pi import (
    install as install_with,
)

CHANGES = {
    "os.rename",
    "os.mkdir",
    "os.remove",
    "os.rmdir",
    "os.symlink",
    "os.chmod",
    "os.chown",
    "shutil.rmtree",
    "subprocess.Popen",
}
"""Events of sys.audit that are a change, besides opening a file to write."""

OTHERS = {"work": False}
"""Whether another program works at the moment: that one is not killed."""


def sysusers(words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
    OTHERS["work"] = True
    quick_sysusers(words, text=text, may_fail=may_fail)
    OTHERS["work"] = False
    return True


def install(root: Path) -> None:
    install_with(root, run=sysusers)


def opens_to_write(event: str, arguments: tuple[object, ...]) -> bool:
    """Tell whether a file is opened to write; the ledger's come to life by their renaming."""
    if event != "open" or "harpi-setup" in str(arguments[0]):
        return False
    return isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))


def kill_before(number: int, work: Callable[[], object]) -> bool:
    """Work in a process of its own that is killed; tell whether it was, or came to its end."""
    child = os.fork()
    if child == 0:
        left = number

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            changes = event in CHANGES or opens_to_write(event, arguments)
            if changes and not OTHERS["work"]:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), status
    return status != 0


def kills(
    start: Path, folder: Path, work: Callable[[Path], object], *, every: int = 1
) -> Iterator[Path]:
    """Give copies of a system in which some work was killed, for each moment or some."""
    number = 1
    while True:
        system = copy(start, folder / f"{number}")
        if not kill_before(number, lambda system=system: work(system)):  # type: ignore[misc]
            return
        yield system
        shutil.rmtree(system)
        number += every


@pytest.fixture(scope="module")
def memory() -> Iterator[Path]:
    """A folder in memory, where there is one: it is written many thousand times."""
    shared = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=shared if shared.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def pi(memory: Path) -> Path:
    return make_pi(memory / "pi")


@pytest.fixture(scope="module")
def done(pi: Path, memory: Path) -> Path:
    system = copy(pi, memory / "done")
    install(system)
    return system


@pytest.fixture
def folder(memory: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def what_counts(root: Path) -> dict[str, tuple[str, int, bytes]]:
    """All but the ledger, and the former selves of passwd and its like."""
    return {
        name: what
        for name, what in snapshot(root).items()
        if "harpi-setup" not in name and not name.endswith("-")
    }


def test_the_next_run_ends_right_and_can_be_taken_back(
    pi: Path, done: Path, folder: Path
) -> None:
    moments = 0
    for system in kills(pi, folder, install):
        install(system)
        assert what_counts(system) == what_counts(done), system.name
        uninstall(system)
        assert snapshot(system) == snapshot(pi), system.name
        moments += 1
    assert moments > 50


@pytest.mark.broker
def test_page_and_broker_are_finished_by_the_next_run(folder: Path) -> None:
    pi = make_pi(folder / "pi", WITH_BROKER)
    with_all = partial(install_with, run=Tools(), features=Features(page=True, broker=True))
    start = copy(pi, folder / "start")
    install(start)
    moments = 0
    for system in kills(start, folder, with_all, every=6):
        with_all(system)
        assert not with_all(system).changed, system.name
        users = (system / "etc/mosquitto/harpi.passwords").read_text().splitlines()
        assert len(users) == 3, system.name
        uninstall(system)
        assert snapshot(system) == snapshot(pi), system.name
        moments += 1
    assert moments > 5


class Tools:
    """openssl and mosquitto_passwd, quick ones: what they make is not looked at here."""

    def __call__(self, words: Sequence[str], *, text: str = "", may_fail: bool = False) -> bool:
        if words[0] == "systemd-sysusers":
            return sysusers(words, text=text, may_fail=may_fail)
        OTHERS["work"] = True
        for option, word in pairwise(words):
            if option in ("-keyout", "-out"):
                Path(word).write_text(word)
        OTHERS["work"] = False
        return True


def test_it_can_be_taken_back_at_once(pi: Path, folder: Path) -> None:
    for system in kills(pi, folder, install):
        uninstall(system)
        assert snapshot(system) == snapshot(pi), system.name


def test_a_killed_way_back_can_be_gone_again(pi: Path, done: Path, folder: Path) -> None:
    for system in kills(done, folder, uninstall):
        uninstall(system)
        assert snapshot(system) == snapshot(pi), system.name


def test_after_a_killed_way_back_it_can_be_set_up_again(
    pi: Path, done: Path, folder: Path
) -> None:
    for system in kills(done, folder, uninstall):
        install(system)
        assert what_counts(system) == what_counts(done), system.name
        uninstall(system)
        assert snapshot(system) == snapshot(pi), system.name
