"""Pictures of the page, of a real device in a real browser.

python -m tests.web.screenshots            those of the documentation, into docs/images
python -m tests.web.screenshots FOLDER     all states, on a phone and on a desk, day and night
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# The daemon is in this process, and nothing has imported NumPy yet.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from tests.support.browser import DESKTOP, PHONE, Tab, browser
from tests.support.device import recording_path
from tests.web.scenario import LABELS, Worn, worn

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
                if focus:
                    self._tab.run(f"document.querySelector('{focus}').scrollIntoView()")
                    self._tab.run("window.scrollBy(0, -90)")
                time.sleep(0.4)  # bars and lines glide to their places
                self._tab.picture(self._folder / f"{picture}.png")


def perform(device: Worn, tab: Tab, album: Album) -> None:
    """Live through everything that the page shows."""
    tab.be(DESKTOP)
    tab.open(device.url)
    tab.wait_for_text(".panel[data-model=knn]", "%")
    device.lives(8)
    album.take("untaught")
    tab.open(f"{device.url}#capture")
    for label in LABELS[:3]:
        device.is_taught(tab, label)
    device.stage.perform("lying", 0)
    device.lives(1)
    tab.click("#classes button:nth-child(4)")
    device.lives(7)
    album.take("recording")
    device.lives(3)
    tab.click("#classes button:nth-child(4)")
    album.take("capture")
    tab.click("#train")
    tab.wait_for_text("#training-words", "loss")
    tab.wait_for("!document.querySelector('#outcome').hidden")
    device.lives(1)
    album.take("training", focus="#training-title")
    tab.open(f"{device.url}#takes")
    tab.wait_for("document.querySelectorAll('.take path').length >= 12")
    album.take("takes")
    tab.open(f"{device.url}#results")
    tab.wait_for("document.querySelector('.matrix')")
    album.take("results")
    tab.open(f"{device.url}#health")
    tab.wait_for("document.querySelector('dl')")
    album.take("health")
    tab.open(device.url)
    device.stage.perform("walking", 1)
    device.lives(5)
    device.stage.perform("lying", 1)
    device.lives(4.5)
    album.take("inference")


def main() -> None:
    wanted = PUBLISHED if len(sys.argv) < 2 else None
    folder = IMAGES if len(sys.argv) < 2 else Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        subprocess.run(
            [sys.executable, "-m", "harpi", "evaluate", "--recording", recording_path()],
            env={**os.environ, "HARPI_PATHS__STATE": str(work / "device" / "state")},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with (
            browser(work / "browser") as open_tab,
            worn(work / "device", speed=SPEED) as device,
        ):
            tab = open_tab()
            perform(device, tab, Album(tab, folder, wanted))
            assert not tab.complaints, tab.complaints
    for picture in sorted(folder.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture}  {size / 1000:.0f} kB")
        assert size < LARGEST or wanted is None, f"{picture} is too large"


if __name__ == "__main__":
    main()
