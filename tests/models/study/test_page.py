from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import msgspec

from harpi_models.study.page import TITLE, headline, page
from harpi_models.study.results import Measured
from harpi_models.study.sections import CURVES, TURNED
from tests.models.study.found import found

ROOT = Path(__file__).parents[3]


def replace_scores(one: Measured, name: str, condition: str, score: float) -> Measured:
    scores = {**one.scores, name: {**one.scores[name], condition: score}}
    return msgspec.structs.replace(one, scores=scores)


def rows(text: str, section: str) -> dict[str, list[str]]:
    """The rows of the tables of a section, by their first cell; the last of a name counts."""
    part = text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    cells = [
        [c.strip() for c in line.strip("|").split("|")]
        for line in part.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in cells}


def test_the_headline_says_what_was_found() -> None:
    assert headline(found()) == (
        "12 people that none of the models was trained on, 26 s of each of their activities "
        "taught, macro F1: personal 0.90, kNN 0.80, generic 0.50, RandomForest 0.85 (the best "
        "of 6 others). With the strap turned by 90° since: personal 0.80, kNN 0.70, generic "
        "0.40, "
        "RandomForest 0.75 (the best of 6 others). Both times personal is significantly better "
        "than kNN, generic and the best of the others."
    )


def test_the_headline_does_not_say_more() -> None:
    assert headline(found(RandomForest=0.9)).endswith(
        "Both times personal is significantly better than kNN and generic, on a par with the "
        "best of the others."
    )
    assert headline(found(RandomForest=0.95, kNN=0.9)).endswith(
        "Both times personal is significantly better than generic, significantly worse than "
        "the best of the others, on a par with kNN."
    )


def test_the_headline_tells_what_turning_changes() -> None:
    straight = found(RandomForest=0.9)
    worse = [
        replace_scores(one, "RandomForest", "n=10, turned 90", 0.1) for one in straight.known
    ]
    assert headline(replace(straight, known=tuple(worse))).endswith(
        "As taught, personal is significantly better than kNN and generic, on a par with the "
        "best of the others; turned, personal is significantly better than kNN, generic and "
        "the best of the others."
    )


def test_every_section_is_there_and_every_table_is_whole() -> None:
    text, _ = page(found())
    assert text.startswith(f"{TITLE}\n\n{headline(found())}\n")
    assert text.count("\n## ") == 9
    widths: list[int] = []
    for line in text.splitlines():
        if line.startswith("|"):
            widths.append(line.count(" |"))
        elif widths:
            assert len(set(widths)) == 1, line
            widths = []
    assert "| nan" not in text
    assert "quick study" not in text


def test_the_tables_hold_the_figures() -> None:
    text, _ = page(found())
    curves = rows(text, "Learning curves")
    assert curves["personal"] == ["0.900 [0.90, 0.90]"] * 3
    assert list(curves[""]) == ["arms", "legs", "wrist"]
    pairs = rows(text, "Personal against each of the others")
    assert pairs["kNN"] == ["**+0.100 [+0.10, +0.10]**"] * 2
    assert rows(text, "The strap turned after learning")["kNN"] == [
        "0.800 [0.80, 0.80]",
        "0.700 [0.70, 0.70]",
        "**+0.100 [+0.10, +0.10]**",
    ]
    placeless = rows(text, "A place that the base never saw")
    assert placeless["legs"][-1] == "0.700 [0.70, 0.70]"
    assert placeless["*against a base that saw it*"][-1] == "-0.200 [-0.20, -0.20]"
    new = rows(text, "Classes that the base has never seen")
    assert new["kNN"][:2] == ["0.700 [0.70, 0.70]", "0.800 [0.80, 0.80]"]
    assert rows(text, "What learning costs")["kNN"] == ["250", "1.5", "60"]
    aims = [
        row for row in page(found())[0].splitlines() if row.endswith(("reached |", "missed |"))
    ]
    assert "| arms | personal, n=10 | 0.97 | 0.900 [0.90, 0.90] | missed |" in aims
    assert "| arms | personal, n=10, turned 90 | 0.9 | 0.800 [0.80, 0.80] | missed |" in aims
    assert "| wrist, 18 classes | kNN, n=10 | 0.7 | 0.800 [0.80, 0.80] | reached |" in aims


def test_a_quick_study_says_that_it_is_one() -> None:
    quick = replace(found(), plan=replace(found().plan, most_people=3))
    text, _ = page(quick)
    assert "**This is the quick study**" in text
    assert "harpi-models study --data DIR --quick" in text


def test_a_study_without_the_second_part_has_no_section_of_it() -> None:
    text, _ = page(replace(found(), placeless=()))
    assert "never saw\n" not in text


def test_the_pictures_are_those_that_the_page_shows() -> None:
    text, pictures = page(found(), "somewhere")
    assert set(re.findall(r"\(somewhere/(.*?)\)", text)) == set(pictures) == {CURVES, TURNED}
    for picture in pictures.values():
        root = ElementTree.fromstring(picture)
        titles = [e.text for e in root.iter() if e.get("class") == "title"]
        assert titles[:3] == ["arms", "legs", "wrist"]
        assert "script" not in picture
    assert "new exercises" in pictures[CURVES]
    assert "personal: 0.900 [0.90, 0.90]" in pictures[CURVES]


def test_the_readme_quotes_the_first_line_of_the_study() -> None:
    study = (ROOT / "docs" / "study.md").read_text()
    assert study.startswith(TITLE)
    first = study.split("\n\n")[1]
    readme = " ".join((ROOT / "README.md").read_text().replace("\n> ", " ").split())
    assert " ".join(first.split()) in readme
