"""harpi as the service of a machine that systemd runs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.labs.rigs import machine

pytestmark = [pytest.mark.rig, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return machine.run_with_systemd("service", tmp_path_factory.mktemp("service"))


def test_it_is_ready_without_broker_and_network(service: dict[str, Any]) -> None:
    start = service["start"]
    assert (start["code"], start["ActiveState"]) == (0, "active"), start


def test_a_hang_is_found_by_the_watchdog(service: dict[str, Any]) -> None:
    restart = service["restart"]
    assert restart["ActiveState"] == "active"
    assert restart["MainPID"] != restart["before"]["MainPID"]
    assert restart["seconds"] < 20


def test_nothing_that_was_recorded_is_lost_by_it(service: dict[str, Any]) -> None:
    finished, interrupted = service["takes"]
    assert finished["label"] == "walking"
    assert "interrupted" not in finished["flags"]
    assert finished["seconds"] == pytest.approx(6.0, abs=0.1)
    assert interrupted["label"] == "sitting"
    assert "interrupted" in interrupted["flags"]
    assert interrupted["seconds"] > 2.5


def test_a_broker_that_comes_late_hears_it(service: dict[str, Any]) -> None:
    assert service["state"]["knn"]


def test_sigterm_ends_it_quickly_and_cleanly(service: dict[str, Any]) -> None:
    stop = service["stop"]
    assert (stop["ActiveState"], stop["Result"], stop["ExecMainStatus"]) == (
        "inactive",
        "success",
        "0",
    )
    assert stop["seconds"] < 5
    assert service["status"] == ["online", "offline"]
    assert service["left"] == []


def test_its_user_may_what_it_must_and_nothing_more(service: dict[str, Any]) -> None:
    assert service["permissions"] == {
        "user": "harpi",
        "groups": ["gpio", "harpi", "i2c"],
        "i2c": "ok",
        "pins": "ok",
        "other device": "EPERM",  # its mode lets everybody; DeviceAllow= does not
        "state": "ok",
        "runtime": "ok",
        "configuration": "EACCES",
        "program": "EROFS",
        "state of others": "EROFS",
        "home": "EACCES",
        "executable memory": "EPERM",
        "raw network": "EAFNOSUPPORT",
    }
