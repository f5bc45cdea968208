from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from harpi.evaluation.page import MOST_TRACES, page
from tests.support.judgements import Said, contest, judgements, report_of, trial_of

MODELS = ("knn", "generic", "personal")
EVIL = '<script>alert("&")</script>'


class Balanced(HTMLParser):
    """Refuses elements that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []

    def handle_starttag(self, name: str, attributes: object) -> None:
        self.seen.append(name)
        if name != "meta":
            self.open.append(name)

    def handle_endtag(self, name: str) -> None:
        assert self.open.pop() == name


@pytest.fixture(scope="module")
def written() -> str:
    labels = ["walking", EVIL, "sitting"]
    said = [
        Said(
            trial_of(
                labels[i % 3],
                seed=i,
                name=f"take {EVIL}",
                position=EVIL,
                session=EVIL * (i % 2),
            ),
            {model: [labels[i % 3], labels[j], None][:3] for j, model in enumerate(MODELS)},
        )
        for i in range(6)
    ]
    flags = {"generic": [False, True, False] * 6}
    judged = judgements(said, dict.fromkeys(MODELS, labels), unknown=flags)
    report = report_of(
        judged, origin=EVIL, notices=(EVIL,), conditions={"rename": {EVIL: EVIL}}
    )
    return page(report, judged)


def test_it_is_whole(written: str) -> None:
    parser = Balanced()
    parser.feed(written)
    parser.close()
    assert parser.open == []
    assert parser.seen.count("svg") == 2 + 3 + 3 + 1 + 6


def test_each_drawing_is_sound_svg(written: str) -> None:
    for drawing in re.findall(r"<svg.*?</svg>", written, re.DOTALL):
        for element in ElementTree.fromstring(drawing).iter():
            for value in element.attrib.values():
                assert "nan" not in value
                assert "inf" not in value


def test_it_runs_no_script_and_asks_nobody_for_anything(written: str) -> None:
    assert "<script" not in written
    assert not re.search(r"(src|href)=|url\(|@import|https?://", written)


def test_labels_are_shown_as_they_are(written: str) -> None:
    assert "&lt;script&gt;alert(&quot;&amp;&quot;)&lt;/script&gt;" in written


def test_of_many_takes_those_with_mistakes_are_drawn() -> None:
    takes = [
        (label, {"knn": "a" if i < 3 else label})
        for i, label in enumerate(["b", "a"] * (MOST_TRACES // 2 + 5))
    ]
    judged, report = contest(takes, windows=1)
    written = page(report, judged)
    assert "10 takes with fewer mistakes not drawn." in written
    cards = written.count("take 0 ·"), written.count("take 2 ·")
    assert cards == (1, 1)


def test_a_model_that_learnt_nothing_has_a_row_and_no_pictures() -> None:
    said = [
        Said(trial_of(label, seed=i), {"generic": ["a"], "personal": [None]})
        for i, label in enumerate("ab")
    ]
    judged = judgements(said, {"generic": "ab", "personal": ()})
    written = page(report_of(judged), judged)
    assert "untrained" in written
    assert written.count('class="name personal"') == 2  # the two tables, no card
