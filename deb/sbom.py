"""The bill of materials of a package, in the form of CycloneDX 1.5 (https://cyclonedx.org).

It is read from what lies in the package, not from what was meant to be in it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deb.targets import Target


def bill(tree: Path, target: Target, version: str, when: str) -> str:
    """List what is in a folder of wheels.

    Args:
        tree: the folder.
        target: that they are for.
        version: of the package.
        when: it was made, ISO 8601.

    Returns:
        JSON.
    """
    components = [_component(path) for path in sorted(tree.glob("*.dist-info"))]
    components += [
        {
            "type": "library",
            "name": f"python3-{name}",
            "scope": "required",
            "purl": f"pkg:deb/debian/python3-{name}?arch={target.architecture}"
            f"&distro=debian-{target.release}",
            "description": "not in the package: a dependency on that of Debian",
        }
        for name in target.from_debian
    ]
    purl = f"pkg:deb/harpi@{version}?arch={target.architecture}&distro=debian-{target.release}"
    content: dict[str, Any] = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, purl)}",
        "version": 1,
        "metadata": {
            "timestamp": when,
            "component": {
                "type": "application",
                "bom-ref": purl,
                "name": "harpi",
                "version": version,
                "purl": purl,
            },
        },
        "components": components,
    }
    return json.dumps(content, indent=1) + "\n"


def missing(bill: str, wanted: Iterable[Requirement]) -> list[str]:
    """Tell what a bill leaves out.

    Args:
        bill: as JSON.
        wanted: pinned libraries.

    Returns:
        Those that are not in it with this version, nor a dependency on Debian's.
    """
    components = json.loads(bill)["components"]
    there = {(canonicalize_name(one["name"]), one.get("version")) for one in components}
    from_debian = {name.removeprefix("python3-") for name, version in there if version is None}
    return [
        str(requirement)
        for requirement in wanted
        if requirement.name not in from_debian
        and not any(
            name == canonicalize_name(requirement.name)
            and requirement.specifier.contains(version or "", prereleases=True)
            for name, version in there
        )
    ]


def _component(about: Path) -> dict[str, Any]:
    """Describe a package of Python by its metadata, with the digests of its programs."""
    text = (about / "METADATA").read_text("utf-8", errors="replace")
    fields = HeaderParser().parsestr(text)
    name, version = fields["Name"], fields["Version"]
    purl = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "description": (fields["Summary"] or "").strip(),
    }
    if licence := licence_of(about):
        key = "expression" if fields["License-Expression"] else "name"
        entry = {"expression": licence} if key == "expression" else {"license": {key: licence}}
        component["licenses"] = [entry]
    record = about / "RECORD"
    if record.exists():
        files = (line.split(",") for line in record.read_text("utf-8").splitlines())
        libraries = [about.parent / line[0] for line in files if line[0].endswith(".so")]
        component["components"] = [
            {
                "type": "file",
                "name": str(path.relative_to(about.parent)),
                "hashes": [
                    {"alg": "SHA-256", "content": hashlib.sha256(path.read_bytes()).hexdigest()}
                ],
            }
            for path in libraries
            if path.exists()
        ]
    return component


def licence_of(about: Path) -> str:
    """Give the licence that a package of Python states, in a line; empty for none."""
    text = (about / "METADATA").read_text("utf-8", errors="replace")
    fields = HeaderParser().parsestr(text)
    if fields["License-Expression"]:
        return str(fields["License-Expression"])
    classifiers = [
        line.rpartition(" :: ")[2]
        for line in fields.get_all("Classifier") or []
        if line.startswith("License ::")
    ]
    stated = (fields["License"] or "").strip().splitlines()
    return " / ".join(classifiers) or (stated[0] if stated else "")
