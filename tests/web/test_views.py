"""In a real browser: what each view shows, and what its buttons send."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from harpi.commands import (
    Cancel,
    Command,
    Confirm,
    Correct,
    Delete,
    Discard,
    Evaluate,
    Forget,
    LabelCount,
    Mount,
    Pause,
    Progress,
    Record,
    Redo,
    Relabel,
    Restore,
    Resume,
    Stop,
    Train,
    Undo,
    Use,
)
from harpi.store.store import Store
from tests.support.broker import wait_until
from tests.support.browser import Tab
from tests.support.models import tiny_head
from tests.support.takes import signal, take_of
from tests.support.verdicts import prediction, verdict
from tests.web.conftest import Served, condition

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

READY = (
    LabelCount(label="walking", takes=2, windows=12, tests=1),
    LabelCount(label="sitting", takes=1, windows=3, needed=2),
)


def sends(served: Served, command: Command) -> None:
    wait_until(lambda: command in served.room.commands, f"{command} is sent")


def visible(tab: Tab, selector: str) -> list[str]:
    found = tab.run(
        f"[...document.querySelectorAll({json.dumps(selector)})]"
        ".filter((e) => e.checkVisibility()).map((e) => e.innerText)"
    )
    return [str(text) for text in found]


@pytest.fixture
def told(tab: Tab, served: Served) -> Callable[..., None]:
    """Tell the page how things stand, once it listens."""
    served.room.become(state="idle", labels=READY, progress=None, evaluating=False, label=None)

    def tell(kind: Any = "answer", *, event: dict[str, Any] | None = None, **how: Any) -> None:
        served.room.become(**how)
        served.room.happens(kind, **(event or {}))

    return tell


def opened(tab: Tab, served: Served, view: str) -> None:
    tab.open(f"{served.origin}/#{view}")
    tab.wait_for("document.body?.dataset.link === 'live'")
    tab.wait_for("document.body.dataset.state")


# --- what goes on -----------------------------------------------------------------------


def test_what_goes_on_is_said_in_every_view_and_can_be_ended_there(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    opened(tab, served, "inference")
    assert visible(tab, "#now") == []
    told(state="recording", label="walking", since=datetime.now(UTC))
    tab.wait_for_text("#now", "Recording walking")
    assert visible(tab, "#now button") == ["Stop", "Drop"]
    tab.click("#now-drop")
    sends(served, Cancel())
    tab.click("#now-stop")
    sends(served, Stop())

    told(state="testing", label="walking", since=datetime.now(UTC))
    tab.wait_for_text("#now", "Recording a test take of walking")

    told(state="training", label=None)
    tab.wait_for_text("#now", "Training")
    assert visible(tab, "#now button") == ["Pause", "Cancel"]
    tab.click("#now-pause")
    sends(served, Pause())

    told("progress", state="training", progress=step(3, 0.25))
    tab.wait_for_text("#now", "epoch 3, loss 0.250, 75% right")
    told(state="paused")
    tab.wait_for_text("#now", "Training is paused")
    assert visible(tab, "#now button") == ["Resume", "Cancel"]
    tab.click("#now-resume")
    sends(served, Resume())

    told(state="idle", progress=None, evaluating=True)
    tab.wait_for_text("#now", "Evaluating")
    assert visible(tab, "#now button") == ["Cancel"]
    tab.click("#now-cancel")
    wait_until(lambda: served.room.commands[-1] == Cancel(), "it is broken off")
    told(evaluating=False)
    tab.wait_for("document.querySelector('#now').hidden")


def step(epoch: int, loss: float, epochs: int = 200, accuracy: float | None = 0.75) -> Progress:
    return Progress(epoch=epoch, epochs=epochs, loss=loss, accuracy=accuracy)


# --- inference --------------------------------------------------------------------------


def test_a_panel_says_unknown_and_what_is_nearest(tab: Tab, served: Served) -> None:
    assert served.server is not None
    said = verdict({"walking": 0.6, "sitting": 0.4})
    strange = prediction("generic", {"walking": 0.41, "lying": 0.3}, unknown=True)
    served.server.show(
        type(said)(said.window, {**said.predictions, "generic": strange}, said.latencies)
    )
    opened(tab, served, "inference")
    tab.wait_for_text(".panel[data-model=generic] .answer", "unknown")
    assert "nearest" in tab.text(".panel[data-model=generic] .note")
    assert "walking" in tab.text(".panel[data-model=generic] .bars")
    assert tab.text(".panel[data-model=knn] .note") == "60%"


def test_a_model_that_was_not_taught_says_what_to_do(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    assert served.server is not None
    served.server.show(verdict(untrained=["personal"]))
    opened(tab, served, "inference")
    tab.wait_for_text(".panel[data-model=personal]", "not taught yet")
    assert "record two activities" in tab.text(".panel[data-model=personal] .teach")
    enough = LabelCount(label="lying", takes=1, windows=9)
    told(labels=(*READY, enough))
    tab.wait_for_text(".panel[data-model=personal] .teach", "2 activities are ready")
    tab.click(".panel[data-model=personal] .teach a")
    tab.wait_for("document.body.dataset.view === 'capture'")


def test_an_answer_that_is_old_fades(tab: Tab, served: Served) -> None:
    assert served.server is not None
    served.server.show(verdict())
    opened(tab, served, "inference")
    tab.wait_for_text(".panel[data-model=knn] .answer", "walking")
    tab.wait_for("document.querySelector('#answers').classList.contains('stale')")
    served.server.show(verdict())
    tab.wait_for("!document.querySelector('#answers').classList.contains('stale')")


def test_the_activity_stands_first_and_a_wrong_one_is_corrected(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    assert served.server is not None
    served.server.show(verdict(worn=True))
    opened(tab, served, "inference")
    tab.wait_for_text("#activity-answer", "walking")
    assert "70" in tab.text("#activity-share")
    served.server.show(verdict(unknown=True, worn=True))
    tab.wait_for_text("#activity-answer", "unknown")
    served.server.show(verdict(worn=False))
    tab.wait_for_text("#activity-answer", "not worn")
    told(labels=READY)
    tab.wait_for(
        "[...document.querySelector('#wrong').options].some((o) => o.value === 'sitting')"
    )
    tab.run(
        "document.querySelector('#wrong').value = 'sitting';"
        "document.querySelector('#wrong').dispatchEvent(new Event('change'))"
    )
    sends(served, Correct(label="sitting"))


def test_where_the_sensor_is_not_worn_the_answers_fade_and_it_says_so(
    make_served: Callable[..., Served], tab: Tab
) -> None:
    served = make_served()
    assert served.server is not None
    served.server.show(verdict(worn=False))
    opened(tab, served, "inference")
    tab.wait_for("document.body.dataset.worn === 'false'")
    served.server.show(verdict(worn=True))
    tab.wait_for("document.body.dataset.worn === 'true'")


def test_problems_and_hints_of_the_device_are_said_at_the_top(
    make_served: Callable[..., Served], tab: Tab, monkeypatch: pytest.MonkeyPatch
) -> None:
    problems = ("The first. Do this.", "The second.")
    said = condition(problems=problems, hints=("It is not worn.",))
    monkeypatch.setattr("tests.web.conftest.condition", lambda: said)
    served = make_served()
    opened(tab, served, "inference")
    tab.wait_for_text("#warning", "The first. Do this. And 1 more.")
    assert "It is not worn." in tab.text("#hint")
    tab.click("#warning")
    tab.wait_for("document.body.dataset.view === 'health'")
    assert len(visible(tab, "#problems li")) == 2
    assert visible(tab, "#warning") == []


# --- capture ----------------------------------------------------------------------------


def test_each_activity_says_what_is_there_and_what_is_needed(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    opened(tab, served, "capture")
    tab.wait_for("document.querySelectorAll('.class').length === 2")
    assert "12 windows, 2 takes" in tab.text(".class:nth-child(1)")
    assert "✓ enough" in tab.text(".class:nth-child(1)")
    assert "2 more needed" in tab.text(".class:nth-child(2)")
    tab.click("#test")
    tab.wait_for_text(".class:nth-child(1)", "1 test take")
    assert "3 more needed" in tab.text(".class:nth-child(2)")
    tab.run("document.querySelector('#seconds').value = '10'")
    tab.click(".class:nth-child(2)")
    sends(served, Record(label="sitting", seconds=10, test=True))
    tab.run("document.querySelector('#seconds').value = ''")
    tab.click("#test")

    told(state="recording", label="rowing", since=datetime.now(UTC))
    tab.wait_for_text(".class:nth-child(3)", "press to stop")
    assert visible(tab, ".class:disabled .label") == ["walking", "sitting"]
    told(state="idle", label=None)
    tab.wait_for("document.querySelectorAll('.class').length === 2")


def test_the_rest_of_capture_sends_what_it_says(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    opened(tab, served, "capture")
    tab.click("#view-capture [data-undo]")
    sends(served, Undo())
    assert tab.text("#view-capture [data-undo]") == "Undo: take 3 added"
    told(undo=None, redo="take 3 added")
    tab.wait_for("document.querySelector('#view-capture [data-undo]').disabled")
    tab.click("#view-capture [data-redo]")
    sends(served, Redo())
    tab.click("#other-label")
    tab.type("rowing")
    tab.press("Enter", 13, "\r")
    sends(served, Record(label="rowing"))
    told(state="idle", label=None)
    tab.wait_for("!document.querySelector('#train').disabled")
    tab.click("#train")
    sends(served, Train())
    tab.click("#view-capture details:not(#guide-ask) summary")
    tab.click("#position")
    tab.type("left_leg")
    tab.press("Enter", 13, "\r")
    sends(served, Mount(position="left_leg"))
    tab.click("#mount button")
    sends(served, Mount(position="left_leg"))

    tab.click("#forget button")
    sends(served, Forget())
    told(asking=True)
    tab.wait_for("document.activeElement?.id === 'keep'")
    tab.wait_for_text("#asking-left", "s left")
    tab.click("#confirm")
    sends(served, Confirm())
    told(asking=False)
    tab.wait_for("document.querySelector('#asking').hidden")


def test_a_training_is_drawn_as_it_goes_and_says_what_came_of_it(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    opened(tab, served, "capture")
    told(state="training")
    tab.wait_for_text("#training-words", "Getting ready.")
    for epoch in range(1, 6):
        told("progress", progress=step(epoch, 1 / epoch))
    tab.wait_for_text("#training-words", "held-out windows: epoch 5 of at most 200, loss 0.200")
    told("progress", progress=step(1, 0.9, epochs=2))
    told("progress", progress=step(2, 0.4, epochs=2))
    tab.wait_for_text("#training-words", "everything: epoch 2 of at most 2, loss 0.400")
    ink = "document.querySelector('#loss').getContext('2d').getImageData(0, 0, 900, 400).data"
    assert tab.run(f"{ink}.some((value) => value)")
    told(
        "notice",
        event={"outcome": "kept", "message": "The old stays.", "advice": ("Record more.",)},
        state="idle",
        progress=None,
    )
    tab.wait_for_text("#outcome-text", "The old stays.")
    assert "Record more." in tab.text("#advice")
    assert tab.run("document.querySelector('#outcome').dataset.result") == "kept"
    assert "Use the head before" not in visible(tab, "#outcome button")


@pytest.mark.parametrize(("heads", "back"), [(1, False), (2, True)])
def test_beside_the_news_of_a_new_head_stands_the_way_back(
    make_served: Callable[..., Served], tab: Tab, heads: int, back: bool
) -> None:
    served = make_served()
    for _ in range(heads):
        served.shelf.add(tiny_head())
    opened(tab, served, "capture")
    served.room.happens("notice", outcome="taken", message="The new head is in use.")
    tab.wait_for_text("#outcome-text", "The new head is in use.")
    if not back:
        assert visible(tab, "#outcome button") == []
        return
    tab.wait_for("!document.querySelector('#head-before').hidden")
    tab.click("#head-before")
    sends(served, Use())
    assert visible(tab, "#outcome button") == []


# --- takes ------------------------------------------------------------------------------


def test_takes_are_relabelled_deleted_and_brought_back(
    make_served: Callable[..., Served], tab: Tab
) -> None:
    served = make_served()
    assert isinstance(served.store, Store)
    session = served.store.new_session()
    for label in ("walking", "sitting"):
        served.store.add(take_of(label, session), [signal(2.0)])
    opened(tab, served, "takes")
    tab.wait_for("document.querySelectorAll('.take path').length === 6")
    newest, oldest = visible(tab, ".take h3")
    assert newest.startswith("sitting")
    assert oldest.startswith("walking")

    tab.click("[aria-label='Relabel take 2']")
    tab.type("lying")
    tab.press("Enter", 13, "\r")
    sends(served, Relabel(takes=(2,), label="lying"))
    tab.click("[aria-label='Relabel take 2']")
    tab.press("Escape", 27)
    tab.click("[aria-label='Relabel take 2']")
    tab.click(".tools form [type=button]")
    tab.click("[aria-label='Delete take 1']")
    sends(served, Delete(takes=(1,)))
    served.store.delete([1])
    served.room.happens("notice", message="The takes were changed by another program.")
    tab.wait_for("document.querySelectorAll('.take').length === 1")
    tab.click("#with-deleted")
    tab.click("[aria-label='Restore take 1']")
    sends(served, Restore(takes=(1,)))
    tab.click("#view-takes [data-undo]")
    sends(served, Undo())


# --- results ----------------------------------------------------------------------------


def test_an_evaluation_is_begun_and_says_what_it_lacks(
    tab: Tab, served: Served, told: Callable[..., None]
) -> None:
    opened(tab, served, "results")
    tab.wait_for_text("#testable", "There are test takes of walking alone.")
    assert tab.run("document.querySelector('#evaluate').disabled")
    told(labels=(*READY, LabelCount(label="lying", tests=2)))
    tab.wait_for_text(
        "#testable", "There are 3 test takes of 2 activities. None of sitting yet."
    )
    tab.click("#evaluate")
    sends(served, Evaluate())
    told(evaluating=True)
    tab.wait_for_text("#evaluate", "Evaluating")
    assert tab.run("document.querySelector('#evaluate').disabled")
    told("notice", event={"ok": False, "message": "It failed."}, evaluating=False)
    tab.wait_for_text("#said", "It failed.")
    told(labels=(LabelCount(label="walking"),))
    tab.wait_for_text("#testable", "Test take")
    assert tab.run("document.querySelector('#evaluate').disabled")


def test_heads_are_listed_used_and_deleted_for_good(
    make_served: Callable[..., Served], tab: Tab
) -> None:
    served = make_served()
    for number in range(3):
        figures = {"accuracy": 0.5 + number / 10, "windows": 20.0}
        served.shelf.add(replace(tiny_head(), figures=figures))
    served.shelf.path(2).write_bytes(b"damaged")
    opened(tab, served, "results")
    tab.wait_for("document.querySelectorAll('.heads li').length === 3")
    newest, damaged, oldest = visible(tab, ".heads li")
    assert "Head 3" in newest
    assert "in use" in newest
    assert "70%" in newest
    assert "Use" not in newest
    assert "⚠" in damaged
    assert "still, fast" in oldest
    assert tab.run("document.querySelector(\"[aria-label='Use head 2']\").disabled")

    tab.click("[aria-label='Use head 1']")
    sends(served, Use(head=1))
    tab.click("[aria-label='Delete head 2']")
    assert tab.run("document.activeElement.innerText") == "Keep"
    tab.press("Enter", 13, "\r")
    tab.click("[aria-label='Delete head 2']")
    tab.click("[aria-label='Delete head 2 for good']")
    sends(served, Discard(head=2))
