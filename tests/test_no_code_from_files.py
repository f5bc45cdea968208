"""No file, message or setting can make harpi run what it says."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

UNPICKLERS = {
    "models/harpi_models/datasets/unpickling.py",
    "models/harpi_models/excerpt.py",
}
"""Public data sets come as pickles of arrays. These two read them with an `Unpickler` that
makes nothing but the arrays, lists and numbers on its list; they are not on the device."""

FORBIDDEN_MODULES = {"marshal", "shelve", "dill", "joblib", "cloudpickle", "jsonpickle"}
FORBIDDEN_CALLS = {
    *("eval", "exec", "compile", "__import__"),
    *("yaml.load", "yaml.unsafe_load", "yaml.full_load"),
    *("pickle.load", "pickle.loads", "torch.load", "os.system", "os.popen"),
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("pi", "models", "deb"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text(encoding="utf-8"))


def imported(node: ast.AST) -> set[str]:
    """Top names of what a statement imports."""
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
        return {node.module.partition(".")[0]}
    return set()


def offences(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        modules = imported(node)
        if modules & FORBIDDEN_MODULES or ("pickle" in modules and name not in UNPICKLERS):
            yield f"{name}:{node.lineno}: imports {', '.join(modules)}"  # type: ignore[attr-defined]
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in FORBIDDEN_CALLS:
            yield f"{name}:{node.lineno}: calls {called}"
        for word in node.keywords:
            if word.arg in ("allow_pickle", "shell") and ast.unparse(word.value) != "False":
                yield f"{name}:{node.lineno}: {word.arg}={ast.unparse(word.value)}"


def test_nothing_is_run_that_a_file_says() -> None:
    assert [one for name, tree in sources() for one in offences(name, tree)] == []


@pytest.mark.parametrize("name", sorted(UNPICKLERS))
def test_what_reads_pickles_makes_only_what_is_on_its_list(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"))
    (reader,) = (
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and [ast.unparse(base) for base in node.bases] == ["pickle.Unpickler"]
    )
    (chooser,) = (node for node in reader.body if isinstance(node, ast.FunctionDef))
    assert chooser.name == "find_class"
    assert "super()" not in ast.unparse(chooser)


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "yaml.load(text)",
        "np.load(path, allow_pickle=True)",
        "subprocess.run(words, shell=True)",
        "subprocess.run(words, shell=wanted)",
    ],
)
def test_it_would_be_seen(code: str) -> None:
    assert len(list(offences("pi/harpi/new.py", ast.parse(code)))) == 1


def test_json_from_outside_is_read_in_one_place_alone() -> None:
    """What msgspec lets through besides its own errors is caught there."""
    reading = {
        name
        for name, tree in sources()
        for node in ast.walk(tree)
        if name.startswith("pi/")
        and isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("msgspec.json.decode", "json.loads", "json.load")
    }
    assert reading == {
        "pi/harpi/files.py",
        "pi/harpi/recording/npz.py",  # where numbers that JSON has not are allowed
    }
