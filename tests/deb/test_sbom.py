"""The bill of materials that lies beside every package."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from deb.sbom import bill, missing
from deb.targets import TARGETS, Target
from deb.wheels import pins

CLOSED = {"type", "bom-ref", "name", "version", "purl", "description", "scope", "licenses"}
"""Fields of a component (CycloneDX 1.5, https://cyclonedx.org/docs/1.5/json) that are used."""


def tree_of(target: Target, folder: Path, *, without: str = "") -> Path:
    """A folder of wheels with everything that the lock has for a target."""
    for requirement, _ in pins(target).values():
        if requirement.name in (*target.from_debian, without):
            continue
        (version,) = (spec.version for spec in requirement.specifier)
        about = folder / f"{requirement.name.replace('-', '_')}-{version}.dist-info"
        about.mkdir(parents=True)
        lines = [
            "Metadata-Version: 2.1",
            f"Name: {requirement.name.replace('-', '_')}",
            f"Version: {version}",
            "Summary: does something",
            "License: BSD",
        ]
        (about / "METADATA").write_text("\n".join(lines) + "\n")
    return folder


def components_of(text: str) -> list[dict[str, Any]]:
    components: list[dict[str, Any]] = json.loads(text)["components"]
    return components


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_bill_names_every_package_of_the_lock(target: Target, tmp_path: Path) -> None:
    text = bill(tree_of(target, tmp_path), target, "1.0", "2027-01-15T08:00:00Z")
    wanted = [requirement for requirement, _ in pins(target).values()]
    assert missing(text, wanted) == []
    assert len(components_of(text)) == len(wanted)


def test_what_is_left_out_or_of_another_version_is_told(tmp_path: Path) -> None:
    target = TARGETS[0]
    tree = tree_of(target, tmp_path, without="rich")
    (about,) = tree.glob("h11-*.dist-info")
    text = (about / "METADATA").read_text()
    (about / "METADATA").write_text(re.sub("(?m)^Version: .*", "Version: 0.0.1", text))
    made = bill(tree, target, "1.0", "2027-01-15T08:00:00Z")
    told = missing(made, (requirement for requirement, _ in pins(target).values()))
    assert sorted(re.split("[=;]", line)[0] for line in told) == ["h11", "rich"]


def test_it_has_the_form_of_cyclonedx(tmp_path: Path) -> None:
    target = TARGETS[1]
    content = json.loads(bill(tree_of(target, tmp_path), target, "1.0", "2027-01-15T08:00:00Z"))
    assert content.keys() == {
        *("bomFormat", "specVersion", "serialNumber", "version", "metadata", "components")
    }
    uuid = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    assert re.fullmatch(f"urn:uuid:{uuid}", content["serialNumber"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", content["metadata"]["timestamp"])
    references = [content["metadata"]["component"]["bom-ref"]]
    for component in content["components"]:
        assert component.keys() <= CLOSED
        assert component["type"] == "library"
        assert re.fullmatch(r"pkg:(pypi/[a-z0-9.-]+@\S+|deb/debian/\S+)", component["purl"])
        references += [component["bom-ref"]] if "bom-ref" in component else []
    assert len(set(references)) == len(references)
