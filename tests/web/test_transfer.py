"""Recordings come by the page, and takes leave by it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from harpi.store.store import Store
from harpi.web import transfer
from tests.support.browser import PHONE, Tab
from tests.support.recorded import motion
from tests.support.takes import signal, take_of
from tests.web.conftest import Answer, Served


def csv(kind: str = "slow", seconds: float = 12.0, *, label: str | None = "walking") -> bytes:
    """A recording as a table."""
    named = "" if label is None else ",label"
    lines = [f"time,ax,ay,az,gx,gy,gz{named}"]
    for number, row in enumerate(motion(kind, seconds)):
        cells = ",".join(f"{value:.4f}" for value in row)
        lines.append(f"{number / 25:.2f},{cells}" + ("" if label is None else f",{label}"))
    return "\n".join(lines).encode() + b"\n"


@pytest.fixture
def page(make_served: Callable[..., Served]) -> Served:
    served = make_served()
    served.greet()
    return served


def send(page: Served, content: bytes, name: str = "walk.csv", *, part: int = 4000) -> str:
    """Send a file in parts; give its number."""
    accepted = page.ask("/api/files", {"name": name, "size": len(content)}).json
    for at in range(0, len(content), part):
        assert part_of(page, accepted["id"], content[at : at + part], at).status == 204
    return str(accepted["id"])


def part_of(page: Served, number: str, content: bytes, at: int) -> Answer:
    headers = {"Content_Type": "application/octet-stream"}
    return page.ask(f"/api/parts/{number}?at={at}", body=content, **headers)


def uploads(page: Served) -> list[Path]:
    return [
        one for one in page.config.paths.state_folder.glob("uploads*/**/*") if one.is_file()
    ]


def test_a_file_is_looked_into_and_then_imported(page: Served) -> None:
    number = send(page, csv())
    seen = page.ask(f"/api/files/{number}/look", {}).json
    assert seen["ok"]
    assert any(line.startswith("walk.csv: ") for line in seen["lines"])
    assert seen["lines"][-1].startswith(("Would import 1 take of 12 s", "When it was"))
    assert isinstance(page.store, Store)
    assert page.store.takes() == []

    done = page.ask(f"/api/files/{number}/import", {"test": True}).json
    assert done["ok"], done
    (take,) = page.store.takes()
    assert (take.label, take.split) == ("walking", "test")
    assert uploads(page) == []
    assert page.ask(f"/api/files/{number}/look", {}).status == 404


def test_what_has_no_label_gets_one(page: Served) -> None:
    number = send(page, csv(label=None), "run 3.csv")
    seen = page.ask(f"/api/files/{number}/look", {}).json
    assert not seen["ok"]
    assert any("have no label" in line for line in seen["lines"])
    assert page.ask(f"/api/files/{number}/import", {"label": "rowing"}).json["ok"]
    assert isinstance(page.store, Store)
    assert [take.label for take in page.store.takes()] == ["rowing"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("../../etc/passwd", b"nonsense\n"),
        ("--help", b"nonsense\n"),
        ("picture.png", b"\x89PNG\r\n" + bytes(range(256))),
        ("walk.zip", b"PK\x03\x04 no archive"),
    ],
)
def test_what_is_no_recording_is_named_and_nothing_is_kept(
    page: Served, name: str, content: bytes
) -> None:
    number = send(page, content, name)
    (kept,) = [one for one in uploads(page) if one.name != "harpi.toml"]
    assert kept.parent.parent == page.config.paths.state_folder / "uploads"
    told = page.ask(f"/api/files/{number}/import", {}).json
    assert not told["ok"]
    assert told["lines"]
    assert "Traceback" not in str(told)
    assert str(page.config.paths.state_folder) not in str(told)
    assert page.ask(f"/api/files/{number}/drop", {}).status == 204
    assert uploads(page) == []


def test_parts_come_in_their_order_and_are_not_too_long(page: Served) -> None:
    content = csv()
    number = page.ask("/api/files", {"name": "walk.csv", "size": len(content)}).json["id"]
    assert part_of(page, number, content[:100], 0).status == 204
    for at in (0, 50, 101):
        wrong = part_of(page, number, b"x", at)
        assert (wrong.status, wrong.json["message"]) == (409, "The next part begins at 100.")
    assert part_of(page, number, content[100:] + b"more", 100).status == 409
    assert page.ask(f"/api/files/{number}/look", {}).status == 409
    assert part_of(page, number, bytes(transfer.LARGEST_PART + 1), 100).status == 413
    assert part_of(page, "other", b"x", 0).status == 404
    assert part_of(page, number, content[100:], 100).status == 204
    assert page.ask(f"/api/files/{number}/look", {}).json["ok"]


def test_a_file_that_is_too_large_or_has_no_room_is_refused_before_it_comes(
    page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    for size in (0, -1, transfer.LARGEST_FILE + 1):
        refused = page.ask("/api/files", {"name": "year.csv", "size": size})
        assert refused.status == 413
        assert "256 MB" in refused.json["message"]
    monkeypatch.setattr(transfer, "ROOM", 10**9)
    assert page.ask("/api/files", {"name": "year.csv", "size": 10**6}).status == 507
    assert page.ask("/api/files", {"name": 3}).status == 400
    assert page.ask("/api/files", body=b"x" * 5000).status == 413


def test_nobody_else_sends_or_fetches(page: Served) -> None:
    number = send(page, csv())
    path = f"/api/parts/{number}?at=0"
    assert page.ask(path, body=b"x").status == 415
    assert (
        page.ask(f"/api/files/{number}/look", body=b"{}", Content_Type="text/plain").status
        == 415
    )
    headers = {"Content_Type": "application/octet-stream"}
    assert page.ask(path, body=b"x", without=("X-Harpi-Token",), **headers).status == 403
    assert page.ask(path, body=b"x", Origin="http://elsewhere.example", **headers).status == 403
    assert page.ask("/api/export", Sec_Fetch_Site="cross-site").status == 403


def test_another_file_takes_the_place_of_the_one_before(page: Served) -> None:
    first = send(page, csv())
    second = send(page, csv("fast"))
    assert page.ask(f"/api/files/{first}/look", {}).status == 404
    assert page.ask(f"/api/files/{second}/look", {}).json["ok"]
    assert len([one for one in uploads(page) if one.suffix == ".csv"]) == 1


def test_what_an_earlier_run_has_left_is_gone(page: Served) -> None:
    send(page, csv())
    left = page.config.paths.state_folder / "uploads-abc"
    left.mkdir()
    (left / "takes.zip").touch()
    assert page.server is not None
    page.server.stop()
    page.server.start()
    assert uploads(page) == []


def recordings_in(answer: Answer) -> int:
    names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
    return len([name for name in names if name.endswith(".npz")])


def test_takes_leave_as_an_archive(page: Served) -> None:
    assert isinstance(page.store, Store)
    session = page.store.new_session()
    for number in range(3):
        page.store.add(take_of(f"move {number}", session), [signal(8.0 + number)])
    whole = page.ask("/api/export")
    assert whole.headers["content-disposition"].startswith('attachment; filename="harpi-takes-')
    assert recordings_in(whole) == 3
    assert recordings_in(page.ask("/api/export?takes=2")) == 1
    refused = page.ask("/api/export?takes=99")
    assert (refused.status, "there is no take 99" in refused.json["message"]) == (409, True)
    assert page.ask("/api/export?takes=1;rm").status == 400
    assert list(page.config.paths.state_folder.glob("uploads*")) == []


# --- in a browser -------------------------------------------------------------------------


def choose(tab: Tab, path: Path) -> None:
    """Choose a file, as the dialog of the browser would."""
    document = tab.call("DOM.getDocument")["root"]["nodeId"]
    node = tab.call("DOM.querySelector", nodeId=document, selector="#import-file")["nodeId"]
    tab.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)


@pytest.mark.browser
@pytest.mark.parametrize("size", [PHONE, (1440, 900)])
def test_a_file_is_imported_in_a_browser(
    page: Served, tab: Tab, tmp_path: Path, size: tuple[int, int]
) -> None:
    tab.be(size)
    file = tmp_path / "a walk.csv"
    file.write_bytes(csv(label=None))
    tab.open(f"{page.origin}/#takes")
    tab.wait_for("document.body?.dataset.link === 'live'")
    choose(tab, file)
    tab.wait_for_text("#import-state", "This cannot be imported.")
    assert "give them a label below" in tab.text("#import-lines")
    tab.run("document.querySelector('#import-label').focus()")
    tab.type("rowing")
    tab.press("Tab", 9)
    tab.wait_for_text("#import-state", "Nothing is imported yet.")
    assert "a walk.csv" in tab.text("#import-lines")
    assert not tab.run("document.documentElement.scrollWidth > innerWidth")
    tab.click("#import-do")
    tab.wait_for_text("#said", "Imported 1 take")
    assert tab.run("document.querySelector('#import').hidden")
    assert isinstance(page.store, Store)
    assert [take.label for take in page.store.takes()] == ["rowing"]


@pytest.mark.browser
def test_what_is_no_recording_is_said_and_can_be_put_away(
    page: Served, tab: Tab, tmp_path: Path
) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader,\n")
    tab.open(f"{page.origin}/#takes")
    tab.wait_for("document.body?.dataset.link === 'live'")
    choose(tab, file)
    tab.wait_for_text("#import-state", "This cannot be imported.")
    assert "letter.txt" in tab.text("#import-lines")
    assert tab.run("document.querySelector('#import-do').disabled")
    tab.click("#import-drop")
    tab.wait_for("document.querySelector('#import').hidden")
