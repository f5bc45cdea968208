"""Build packages: `python -m deb [--only NAME ...] [--out DIR]`; `make deb` builds all.

Each comes with its bill of materials. The same commit gives the same bytes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from deb.sbom import bill, missing
from deb.step import step
from deb.targets import TARGETS, BuildError, Target
from deb.tree import PRIVATE, lay_out, moment, package_version
from deb.wheels import ROOT, install, pins


def build(target: Target, out: Path, *, compression: str = "xz") -> Path:
    """Build one package; give its path.

    Args:
        target: that it is for.
        out: folder that it is put into.
        compression: as `dpkg-deb -Z` knows it; "none" is quick where nobody downloads it.

    Raises:
        BuildError: something is missing or failed.
    """
    if shutil.which("dpkg-deb") is None:
        raise BuildError("dpkg-deb is missing: packages are built on Debian or its like.")
    seconds = commit_time()
    version = package_version(target)
    name = f"harpi_{version}_{target.architecture}"
    with tempfile.TemporaryDirectory(prefix="harpi-deb-") as scratch:
        root = Path(scratch) / "root"
        tree = root / PRIVATE
        tree.mkdir(parents=True)
        root.chmod(0o755)
        install(target, tree, Path(scratch))
        lay_out(root, target, moment(seconds))
        sbom = bill(tree, target, version, f"{moment(seconds):%Y-%m-%dT%H:%M:%SZ}")
        if left_out := missing(sbom, (requirement for requirement, _ in pins(target).values())):
            raise BuildError(f"the bill of materials leaves out {', '.join(left_out)}.")
        out.mkdir(parents=True, exist_ok=True)
        package = out / f"{name}.deb"
        step(
            "dpkg-deb packs it",
            ["dpkg-deb", "--root-owner-group", f"-Z{compression}", "--build", root, package],
            seconds=900,
            environment={**os.environ, "SOURCE_DATE_EPOCH": str(seconds)},
        )
        (out / f"{name}.cdx.json").write_text(sbom, "utf-8")
    return package


def commit_time() -> int:
    """Give the time of the commit that is built, or of a fixed day outside of git."""
    done = subprocess.run(  # noqa: S603 - only this folder's name varies
        ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return int(done.stdout.strip() or 1_767_225_600)


def main() -> int:
    """Read the command line and build."""
    parser = argparse.ArgumentParser(prog="python -m deb", description=__doc__)
    names = [target.name for target in TARGETS]
    parser.add_argument("--only", action="append", choices=names, help="repeatable")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="default: dist/")
    arguments = parser.parse_args()
    try:
        for target in TARGETS:
            if arguments.only is None or target.name in arguments.only:
                package = build(target, arguments.out)
                print(f"{package}  {package.stat().st_size / 1e6:.1f} MB", flush=True)
    except BuildError as error:
        print(f"deb: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
