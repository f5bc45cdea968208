"""Checks of models, takes, disk, broker, daemon and packages."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from harpi import __version__
from harpi.config.checks import is_loopback
from harpi.controls.client import Client
from harpi.doctor.context import Context, NotExamined, Outcome, fail, failure_of, ok, warn
from harpi.errors import AlreadyRunning, BrokerError, ControlError, DaemonNotRunning, ModelError
from harpi.evaluation.messages import counted
from harpi.files import volatile
from harpi.learning.heads import HeadRegistry
from harpi.learning.models import BASE, HEADS, KNN_REFERENCE, check_window, model_path
from harpi.publish.messages import Condition
from harpi.publish.subscriber import Subscriber
from harpi.recognition.classifiers import GenericClassifier
from harpi.recognition.interpreter import load_runtime, problem_of
from harpi.recognition.knn_memory import KnnReference
from harpi.recognition.model_file import ModelFile
from harpi.store.claim import StateClaim
from harpi.store.database import MB
from harpi.store.store import FILE_NAME, Store
from harpi.types import AXES

_DIGEST_SHOWN = 12


def base(patient: Context) -> Outcome:
    """Verify the base model's digest, and let it judge a window."""
    model = _base(patient)
    check_window(model, patient.config.signal)
    window = np.zeros((1, patient.config.signal.length, len(AXES)), np.float32)
    window[..., 2] = 1.0
    GenericClassifier(model).predict(window)
    meta = model.metadata
    return ok(
        f"{meta.name} {meta.version}, {len(meta.labels)} labels, digest "
        f"{meta.digest[:_DIGEST_SHOWN]} is right, and it runs"
    )


def reference(patient: Context) -> Outcome:
    """Read the kNN's reference."""
    path = model_path(patient.config.models.knn_reference, KNN_REFERENCE)
    KnnReference.read(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return ok(f"{path.name}, digest {digest[:_DIGEST_SHOWN]}")


def head(patient: Context) -> Outcome:
    """Read the heads that were learnt on this device, the one in use and the others."""
    folder = patient.config.paths.state_folder / HEADS
    shelf = HeadRegistry(folder)
    model = _base(patient)
    if not shelf.numbers:
        raise NotExamined("none was made yet: `harpi record LABEL`, then `harpi train`")
    loaded = shelf.load(model)
    if loaded.notice:
        return fail(
            loaded.notice.rstrip("."),
            "Make a new one with `harpi train`, the takes are kept; or use an older one: "
            "`harpi heads list`, `harpi heads use NUMBER`",
        )
    bad = [entry for entry in shelf.entries(model) if entry.problem]
    if bad:
        numbers = " ".join(str(entry.number) for entry in bad)
        return warn(
            f"head {loaded.number} is in use and fine; these are not: "
            f"{bad[0].problem.rstrip('.')}",
            f"Delete what cannot be used: `harpi heads delete {numbers}`",
        )
    if loaded.head is None:
        return ok(f"none is in use, {len(shelf.numbers)} kept")
    return ok(
        f"head {loaded.number}, {len(loaded.head.labels)} labels, {len(shelf.numbers)} kept"
    )


def _base(patient: Context) -> ModelFile:
    try:
        return ModelFile.read(model_path(patient.config.models.base, BASE))
    except ModelError as error:
        if error.remedy:
            raise
        raise ModelError(
            error.problem, where=error.where, remedy="Install harpi again, or set models.base"
        ) from error


def store(patient: Context) -> Outcome:
    """Open the takes, to look only."""
    path = patient.config.paths.state_folder / FILE_NAME
    if not path.exists():
        raise NotExamined("nothing was recorded yet")
    with Store(path, patient.config.store, read_only=True) as takes:
        count, room = len(takes.takes()), takes.room()
    text = f"{counted(count, 'take')}, {room.used / MB:.1f} of {room.limits.limit_mb} MB"
    if room.used >= room.limits.limit_mb * MB:
        return fail(
            f"{text}: recording is refused",
            "`harpi takes purge` removes deleted takes; or raise store.limit_mb",
        )
    if room.used >= room.limits.warn_mb * MB:
        return warn(f"{text}: nearly full", "`harpi takes purge` removes deleted takes")
    return ok(f"{text} (`harpi takes check` reads each)")


def disk(patient: Context) -> Outcome:
    """See whether the disk of the state has room and can be written."""
    folder = _existing(patient.config.paths.state_folder)
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return fail(
            f"{folder} is on a disk that is read-only",
            "A card that fails is often made read-only: see 'journalctl -k', save what you "
            "can, and replace it",
        )
    free, keep = shutil.disk_usage(folder).free, patient.config.store.keep_free_mb * MB
    text = f"{free / MB:.0f} MB free at {folder}"
    if free < keep:
        return fail(
            f"{text}, less than the {keep // MB} MB that harpi leaves to others: recording is "
            "refused",
            "Make room: 'sudo apt clean', 'sudo journalctl --vacuum-size=50M', `harpi takes "
            "purge`; or lower store.keep_free_mb",
        )
    if free < 2 * keep:
        return warn(f"{text}; below {keep // MB} MB recording is refused", "Make room soon")
    return ok(text)


def durable(patient: Context) -> Outcome:
    """See whether what is kept in the state is there after the next start of the computer."""
    folder = patient.config.paths.state_folder
    kind = volatile(folder, patient.computer.text("/proc/self/mounts") or "")
    if kind is None:
        return ok(f"{folder} is on a disk")
    return warn(
        f"{folder} would not survive a reboot: it is {kind}",
        "Set paths.state to a folder on a disk that stays, and call 'sudo harpi setup' again; "
        "or switch the overlay file system off ('sudo raspi-config', Performance Options)",
    )


def _existing(folder: Path) -> Path:
    """Give the folder, or the nearest one above that exists."""
    return next(
        path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()
    )


def broker(patient: Context) -> Outcome:
    """Connect to the broker as harpi does."""
    mqtt = patient.config.mqtt
    if not mqtt.enabled:
        raise NotExamined("it is off (mqtt.enabled)")
    where = f"{mqtt.host}:{mqtt.port}"
    try:
        Subscriber(mqtt, patient.config.device.name, names=("status",)).close()
    except BrokerError as error:
        refused = "cannot be reached" in error.problem
        if refused and is_loopback(mqtt.host):
            return fail(
                f"{where}: {error.problem}",
                "Start it with 'sudo systemctl start mosquitto', or install it with 'sudo apt "
                "install mosquitto'; or set mqtt.host, or mqtt.enabled = false",
            )
        return fail(f"{where}: {error.problem}", error.remedy)
    if patient.condition is not None and not (
        patient.condition.broker and patient.condition.broker.connected
    ):
        return warn(
            f"{where} takes this program, but the daemon is not connected",
            "Its log says why: 'journalctl -u harpi'; restart it if the settings were changed",
        )
    who = f", as {mqtt.username}" if mqtt.username else ""
    return ok(f"{where} accepts the connection{who}{', encrypted' if mqtt.tls.enabled else ''}")


def daemon(patient: Context) -> Outcome:
    """Ask the running daemon how it does; without one, claim the sensor."""
    if patient.emulated:
        raise NotExamined("the sensor is emulated")
    patient.hands_off = "a daemon is running and does not answer"
    try:
        with Client(patient.config.paths.runtime_folder) as client:
            condition = client.examine(Condition)
    except DaemonNotRunning:
        return _alone(patient)
    except ControlError as error:
        return failure_of(error)
    patient.condition = condition
    patient.hands_off = "in use by the daemon"
    text = f"harpi {condition.health.version} runs, for {condition.health.uptime_s:.0f} s"
    if condition.problems:
        return warn(f"{text}, and says that something is wrong", " ".join(condition.problems))
    return ok(text)


def _alone(patient: Context) -> Outcome:
    folder = patient.config.paths.state_folder
    try:
        patient.claim()
        if folder.is_dir():
            StateClaim(folder).release()
    except AlreadyRunning as error:
        patient.hands_off = "in use by another program of harpi"
        return failure_of(error)
    patient.hands_off = ""
    raise NotExamined("no daemon is running, so the sensor is checked directly")


_OLDEST, _NEWEST = (3, 11), (3, 13)


def packages(patient: Context) -> Outcome:
    """See which versions there are, and whether they go together."""
    version = sys.version_info[:2]
    python = f"Python {platform.python_version()}"
    if version < _OLDEST:
        return fail(f"{python} is too old for harpi", "Use Python 3.11 to 3.13")
    if patient.config.buttons.enabled or patient.config.leds.enabled:
        both = [name for name in ("RPi.GPIO", "rpi-lgpio") if _installed(name)]
        if len(both) == 2:
            return fail(
                "RPi.GPIO and rpi-lgpio are both installed, and overwrite each other",
                "Run 'pip uninstall RPi.GPIO rpi-lgpio', then 'pip install rpi-lgpio lgpio'",
            )
    content = _base(patient).content
    runtime = load_runtime(content).__name__.partition(".")[0]
    if runtime == "harpi":
        runtime = "which runs the models, without TensorFlow Lite"
    text = f"harpi {__version__}, {python}, NumPy {metadata.version('numpy')}, {runtime}"
    for name in ("ai_edge_litert", "tflite_runtime"):
        if runtime != name and _installed(name) and (problem := problem_of(name, content)):
            return warn(
                f"{text}: {name} is installed and does not work here ({problem})",
                f"Install it again for this computer: 'pip install --force-reinstall {name}'; "
                "until then the models take longer",
            )
    if patient.config.web.enabled and not (_installed("starlette") and _installed("uvicorn")):
        return fail(
            "the page needs packages that are missing",
            "Run 'sudo harpi setup --page' on a Pi, elsewhere 'pip install starlette uvicorn' "
            "in harpi's environment",
        )
    if version > _NEWEST:
        return warn(f"{text}: harpi was not tried with this Python", "Use Python 3.11 to 3.13")
    return ok(text)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return find_spec(name) is not None
    return True
