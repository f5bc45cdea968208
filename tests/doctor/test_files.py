"""Models, heads, takes, the disk and the packages."""

from __future__ import annotations

import os
from importlib import metadata
from types import SimpleNamespace

import pytest

from harpi import shipped
from harpi.config.schema import StoreSection
from harpi.learning.heads import HeadRegistry
from harpi.store.store import FILE_NAME, Store
from tests.doctor.ward import Ward
from tests.support.models import DATA, tiny_head
from tests.support.motions import LENGTH, RATE
from tests.support.takes import signal, take_of


def a_take(ward: Ward, seconds: float = 200) -> None:
    path = ward.folder / "state" / FILE_NAME
    with Store(path, StoreSection()) as store:
        session = store.new_session()
        store.add(take_of(session=session), [signal(seconds)])


def test_the_shipped_models_are_whole_and_run(ward: Ward) -> None:
    findings = ward.examine("base", "kNN", "head")
    assert "is right, and it runs" in findings["base"].text
    assert findings["kNN"].grade == "ok"
    assert findings["head"].grade == "skipped"


def test_a_base_with_a_flipped_bit(ward: Ward) -> None:
    content = bytearray(shipped.path("models/generic.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    damaged = ward.folder / "damaged.tflite"
    damaged.write_bytes(content)
    ward.settings = {"models__base": str(damaged)}
    found = ward.examine_one("base")
    assert found.grade == "failure"
    assert str(damaged) in found.text
    assert found.remedy


def test_a_base_for_other_windows(ward: Ward) -> None:
    ward.settings = {"signal__length": 32}
    found = ward.examine_one("base")
    assert "not of 32" in found.text
    assert "signal.length = 64" in found.remedy


def test_a_reference_that_is_none(ward: Ward) -> None:
    other = ward.folder / "other.safetensors"
    other.write_bytes(b"{}")
    ward.settings = {"models__knn_reference": str(other)}
    assert ward.examine_one("kNN").grade == "failure"


def test_an_unused_head_that_is_damaged_is_a_warning(ward: Ward) -> None:
    ward.settings = {
        "models__base": str(DATA / "tiny_base.tflite"),
        "signal__length": LENGTH,
        "signal__rate": RATE,
    }
    shelf = HeadRegistry(ward.folder / "state" / "heads")
    shelf.add(tiny_head())
    shelf.add(tiny_head())
    shelf.path(1).write_bytes(b"no tensors")
    found = ward.examine_one("head")
    assert found.grade == "warning"
    assert "head 2 is in use and fine" in found.text
    assert "harpi heads delete 1" in found.remedy
    shelf.delete(1)
    assert ward.examine_one("head").text == "head 2, 2 labels, 1 kept"


def test_takes_are_counted(ward: Ward) -> None:
    assert ward.examine_one("store").grade == "skipped"
    a_take(ward)
    assert ward.examine_one("store").text.startswith("1 take,")


@pytest.mark.parametrize(("limit", "grade"), [(3, "warning"), (1, "failure")])
def test_a_store_without_room(ward: Ward, limit: int, grade: str) -> None:
    a_take(ward, seconds=3000)
    ward.settings = {"store__limit_mb": limit, "store__warn_mb": 1}
    found = ward.examine_one("store")
    assert found.grade == grade
    assert "harpi takes purge" in found.remedy


def test_a_store_that_is_none(ward: Ward) -> None:
    path = ward.folder / "state" / FILE_NAME
    path.parent.mkdir()
    path.write_bytes(b"no database, but long enough to be looked at as one" * 40)
    found = ward.examine_one("store")
    assert found.grade == "failure"
    assert FILE_NAME in found.text


def test_a_disk_that_is_nearly_full(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda folder: SimpleNamespace(free=300 * 10**6))
    found = ward.examine_one("disk")
    assert (found.grade, found.remedy) == ("warning", "Make room soon")


def test_a_card_that_was_made_read_only(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs("/")
    read_only = os.statvfs_result((*real[:8], real.f_flag | os.ST_RDONLY, *real[9:]))
    monkeypatch.setattr("os.statvfs", lambda folder: read_only)
    assert "read-only" in ward.examine_one("disk").text


def test_packages_are_named(ward: Ward) -> None:
    found = ward.examine_one("packages")
    assert found.grade == "ok"
    assert f"NumPy {metadata.version('numpy')}" in found.text


def test_two_libraries_for_the_pins(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "version", lambda name: "1.0")
    ward.settings = {"buttons__enabled": True}
    found = ward.examine_one("packages")
    assert "overwrite each other" in found.text
