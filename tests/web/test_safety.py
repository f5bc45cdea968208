"""In a real browser: nobody gets in, nothing comes from elsewhere, and it comes back."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.support.broker import wait_until
from tests.support.browser import Tab
from tests.support.takes import signal, take_of
from tests.support.verdicts import verdict
from tests.web.conftest import Served

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

SCRIPT = "<script>document.title='taken'</script>"
IMAGE = "<img src=x onerror=document.title='taken'>"

MARKUP = "main script, main img, main b, main i"


@pytest.mark.parametrize("label", [SCRIPT, IMAGE, '"><b>', "{{7*7}}", "&lt;i&gt;"])
def test_a_label_is_text_wherever_it_stands(tab: Tab, served: Served, label: str) -> None:
    assert served.server is not None
    label = label[:48]
    served.room.become(
        state="recording",
        label=label,
        since=None,
        position=label,
        labels=(),
        notices=(label,),
    )
    served.server.show(verdict({label: 1.0}))
    tab.open(served.origin + "/#capture")
    tab.wait_for_text("#classes .label", label)
    tab.wait_for_text(".panel[data-model=knn] .answer", label)
    tab.wait_for_text("#warning", label)
    served.room.happens("notice", message=label, advice=(label,), outcome="taken")
    tab.wait_for_text("#outcome-text", label)
    assert tab.text("#advice li").endswith(label)
    assert tab.run(f"document.querySelectorAll('{MARKUP}').length") == 0
    assert tab.run("document.title") == "harpi arm"
    served.room.become(state="idle", label=None, position="arm", notices=())


def test_so_is_the_label_of_a_take(make_served: Callable[..., Served], tab: Tab) -> None:
    served = make_served()
    session = served.store.new_session()  # type: ignore[union-attr]
    served.store.add(take_of(IMAGE[:48], session, note=SCRIPT), [signal(2.0)])  # type: ignore[union-attr]
    tab.open(served.origin + "/#takes")
    tab.wait_for_text(".take h3", IMAGE[:48])
    assert tab.run(f"document.querySelectorAll('{MARKUP}').length") == 0


def test_a_script_that_gets_in_all_the_same_does_nothing(tab: Tab, served: Served) -> None:
    tab.open(served.origin)
    done = tab.run(
        "(() => { try { document.body.innerHTML = '<b>x</b>'; return 'done' }"
        " catch (error) { return error.name } })()"
    )
    assert done == "TypeError"
    assert any("TrustedHTML" in complaint for complaint in tab.complaints)
    tab.complaints.clear()


def test_another_site_cannot_command(
    served: Served, make_served: Callable[..., Served], tab: Tab
) -> None:
    other = make_served()  # a page of another origin, in the same browser
    tab.open(f"http://localhost:{other.port}/")
    body = json.dumps({"command": "stop"})
    attempts = [
        f"{{method: 'POST', body: '{body}', mode: 'no-cors', credentials: 'include'}}",
        f"{{method: 'POST', body: '{body}', headers: {{'content-type': 'application/json'}}}}",
        f"{{method: 'POST', body: '{body}', headers: {{'x-harpi-token': '{served.token}'}}}}",
    ]
    tab.call("Page.setBypassCSP", enabled=True)
    tab.open(f"http://localhost:{other.port}/login")
    for attempt in attempts:
        tab.run(f"fetch('{served.origin}/api/command', {attempt}).catch(() => 0).then(() => 0)")
    stolen = tab.run(
        f"fetch('{served.origin}/api/hello').then(r => r.text()).catch(e => e.name)"
    )
    assert stolen == "TypeError"
    assert served.room.commands == []
    tab.call("Page.setBypassCSP", enabled=False)
    tab.complaints.clear()


def test_one_has_to_log_in(guarded: Served, tab: Tab) -> None:
    tab.open(guarded.origin)
    tab.wait_for("location.pathname === '/login'")
    tab.click("#password")
    tab.type("wrong")
    tab.press("Enter", 13, "\r")
    tab.wait_for_text("#problem", "Wrong password")
    tab.complaints.clear()
    tab.type("correct horse")
    tab.press("Enter", 13, "\r")
    tab.wait_for("location.pathname === '/' && document.body?.dataset.link === 'live'")
    assert tab.run("document.cookie") == ""
    tab.click("nav a[href='#health']")
    tab.click("#logout")
    tab.wait_for("location.pathname === '/login'")


def test_it_loads_nothing_from_elsewhere(tab: Tab, served: Served) -> None:
    tab.open(served.origin)
    for view in ("capture", "takes", "results", "health"):
        tab.click(f"nav a[href='#{view}']")
        tab.wait_for(f"document.querySelector('#view-{view}').checkVisibility()")
    assert len(tab.requests) > 10
    assert {request.startswith(served.origin) for request in tab.requests} == {True}


def test_it_connects_again_by_itself(make_served: Callable[..., Served], tab: Tab) -> None:
    served = make_served()
    tab.open(served.origin)
    tab.wait_for("document.body?.dataset.link === 'live'")
    served.stop()
    tab.wait_for("document.body?.dataset.link === 'connecting'")
    assert tab.run("document.querySelector('main').inert"), "what is pressed would be lost"
    served.start()
    tab.wait_for("document.body?.dataset.link === 'live'")
    assert served.server is not None
    served.server.show(verdict({"jumping": 1.0}))
    tab.wait_for_text(".panel[data-model=knn] .answer", "jumping")
    # What it knew of the device before is not good any more.
    tab.click("nav a[href='#capture']")
    tab.run("document.querySelector('[data-undo]').click()")
    wait_until(lambda: served.room.commands, "the command is accepted")
    tab.complaints.clear()
