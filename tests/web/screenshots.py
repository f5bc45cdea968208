"""Pictures of the page, of a real device in a real browser.

python -m tests.web.screenshots            those of the documentation, into docs/images
python -m tests.web.screenshots FOLDER     all states, on a phone and on a desk, day and night
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

# The daemon is in this process, and nothing has imported NumPy yet.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from harpi.imu.emulator.motion import rotation_matrix
from tests.support.browser import DESKTOP, PHONE, Tab, browser
from tests.web.scenario import LABELS, Worn, free_port, worn

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
PUBLISHED = {
    "phone-inference",
    "phone-recording",
    "phone-inference-dark",
    "desktop-inference",
    "desktop-training",
    "desktop-takes",
    "desktop-results",
}
LARGEST = 150_000
SPEED = 2.0


class Album:
    """Takes pictures of one tab, on both sizes of screen, by day and by night."""

    def __init__(self, tab: Tab, folder: Path, wanted: set[str] | None) -> None:
        self._tab = tab
        self._folder = folder
        self._wanted = wanted

    def take(self, name: str, *, focus: str | None = None) -> None:
        for screen, size in (("desktop", DESKTOP), ("phone", PHONE)):
            for ending, dark in (("", False), ("-dark", True)):
                picture = f"{screen}-{name}{ending}"
                if self._wanted is not None and picture not in self._wanted:
                    continue
                self._tab.be(size, dark=dark, scale=1.5 if size == PHONE else 1)
                self._tab.run("document.querySelector('#said button')?.click()")
                self._tab.run("window.scrollTo(0, 0)")
                if focus:
                    self._tab.run(f"document.querySelector('{focus}').scrollIntoView()")
                    self._tab.run("window.scrollBy(0, -70)")
                time.sleep(0.4)  # bars and lines glide to their places
                self._tab.picture(self._folder / f"{picture}.png")


def story(device: Worn, tab: Tab, album: Album) -> None:
    """Teach a stranger's device, and see that it has learnt."""
    tab.be(DESKTOP)
    tab.open(device.url)
    tab.wait_for_text(".panel[data-model=knn]", "%")
    device.lives(8)
    album.take("untaught")
    tab.open(f"{device.url}#capture")
    album.take("empty")
    for label in LABELS[:3]:
        device.is_taught(tab, label)
    device.stage.perform("lying", 0)
    device.lives(1)
    tab.click("#classes button:nth-child(4)")
    device.lives(7)
    album.take("recording")
    device.lives(3)
    tab.click("#now-stop")
    tab.wait_for("document.querySelector('#now').hidden")
    album.take("capture")
    tab.click("#train")
    tab.wait_for_text("#training-words", "loss")
    tab.click("#now-pause")
    tab.wait_for_text("#now-what", "paused")
    album.take("training")
    tab.click("#now-resume")
    tab.wait_for("!document.querySelector('#outcome').hidden")
    device.lives(1)
    album.take("trained", focus="#training-title")
    tab.open(f"{device.url}#takes")
    tab.wait_for("document.querySelectorAll('.take path').length >= 12")
    album.take("takes")
    tab.open(f"{device.url}#capture")
    tab.click("#test")
    for label in LABELS:
        device.is_taught(tab, label, occasion=1)
    album.take("tests")
    tab.click("#test")
    tab.click("#train")
    tab.wait_for("!document.querySelector('#outcome').hidden")
    tab.open(f"{device.url}#results")
    album.take("before-results")
    tab.click("#evaluate")
    tab.wait_for("document.querySelector('.matrix')", "it is evaluated", 60)
    album.take("results")
    album.take("heads", focus="#heads-title")
    tab.open(f"{device.url}#health")
    tab.wait_for("document.querySelector('dl')")
    album.take("health")
    tab.open(device.url)
    device.stage.perform("walking", 1)
    device.lives(5)
    device.stage.perform("lying", 1)
    device.lives(4.5)
    album.take("inference")
    device.stage.turn(rotation_matrix((0.0, 0.0, 1.0), 140.0))
    device.stage.perform("walking", 1)
    tab.wait_for("!document.querySelector('#hint').hidden", "the strap has turned", 60)
    album.take("turned")
    device.stage.take_off()
    tab.wait_for_text("#hint", "not worn", 60)
    album.take("not-worn")
    device.unplug()
    tab.wait_for_text("#warning", "No samples")
    device.lives(10)
    album.take("unplugged")
    album.take("unplugged-health")


def without_broker(device: Worn, tab: Tab, album: Album) -> None:
    """Look at a device whose broker is away, and that has ended at last."""
    tab.be(DESKTOP)
    tab.open(f"{device.url}#health")
    tab.wait_for_text("#problems", "broker")
    album.take("no-broker")
    tab.open(device.url)
    tab.wait_for_text(".panel[data-model=knn]", "%")
    device.daemon.stop()
    tab.wait_for("document.body.dataset.link === 'connecting'")
    time.sleep(4.5)
    album.take("reconnecting")
    tab.complaints.clear()


def behind_a_password(device: Worn, tab: Tab, album: Album) -> None:
    """Look at a page that asks who is there."""
    tab.open(device.url)
    tab.wait_for("location.pathname === '/login'")
    album.take("login")


def photograph(
    folder: Path,
    wanted: set[str] | None,
    live: Callable[[Worn, Tab, Album], None],
    **settings: object,
) -> None:
    """Let a device of its own live through a story."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        with (
            browser(work / "browser") as open_tab,
            worn(work / "device", speed=SPEED, **settings) as device,
        ):
            tab = open_tab()
            live(device, tab, Album(tab, folder, wanted))
            assert not tab.complaints, tab.complaints


def main() -> None:
    wanted = PUBLISHED if len(sys.argv) < 2 else None
    folder = IMAGES if len(sys.argv) < 2 else Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    photograph(folder, wanted, story, **{"learning.head": "gradient"})
    if wanted is None:
        away = {"mqtt.enabled": True, "mqtt.port": free_port()}
        photograph(folder, wanted, without_broker, **away)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password:
            password.write("correct horse\n")
            password.flush()
            photograph(
                folder, wanted, behind_a_password, **{"web.password_file": password.name}
            )
    for picture in sorted(folder.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture}  {size / 1000:.0f} kB")
        assert size < LARGEST or wanted is None, f"{picture} is too large"


if __name__ == "__main__":
    main()
