"""The whole run behind the shipped base: train, convert, judge, write down."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from harpi.recognition.model_file import ModelFile
from harpi.types import FloatArray
from harpi_models.bases import Base
from harpi_models.classifier import Teaching, is_later, teach
from harpi_models.converter import Converted, convert_model
from harpi_models.datasets.catalogue import CORE, SPAR, TRAINED_ON
from harpi_models.datasets.consistency import Agreement, check_set
from harpi_models.datasets.layout import LENGTH
from harpi_models.datasets.motion_capture import NAME as MOTION_CAPTURE
from harpi_models.datasets.motion_capture import VirtualWalkers, read_clips
from harpi_models.errors import BaseRefused, ConversionRefused, DataRefused
from harpi_models.examples import Examples, read_examples
from harpi_models.file_base import FileBase, TaughtBase
from harpi_models.folds import ALL, PEOPLE_RUNS, PLACE_RUNS, SET_RUNS, Run
from harpi_models.heads import softmax_head
from harpi_models.imu_network import imu_base
from harpi_models.judging import (
    SPAR_TEST_AFTER,
    TURNS,
    confusion,
    embedder,
    join,
    judge_classes,
    judge_generic,
    judge_personal,
    judge_sureness,
    outcomes,
)
from harpi_models.optimizers import Adam
from harpi_models.output import write_result, writing
from harpi_models.protocol import TEST_AFTER
from harpi_models.quantization import Quantization
from harpi_models.reference import knn_reference
from harpi_models.training import Recipe, Trained, train
from harpi_models.unknown import Outcomes, calibrate

VERSION = "1.2"
LICENCE = "Apache-2.0; trained on data under the licences in the model card"
TRAINING_LENGTH = 80
"""Samples of the windows that are trained on, which leaves room to warp time."""
SIBLING_EPOCHS = 3
"""Epochs of the bases that never saw a set or a place: there are up to eight of them."""
CALIBRATION = 500
"""Windows that int8 finds its ranges with."""
REFERENCE = "knn_reference.safetensors"
QUANTIZED: tuple[Quantization, ...] = ("float16", "dynamic", "int8")

Tell = Callable[[str], None]
Progress = Callable[[int, int, dict[str, float]], None]


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Windows to learn from, and windows to judge on.

    Attributes:
        training: longer ones, that overlap.
        judging: ones that do not overlap.
        spar: of the set that no base learns from.
        walkers: virtual ones, to learn from; None where they are not wanted.
        agreement: how the two sensors agree, by place; what is not sound there is in none of
            the windows to learn from.
    """

    training: Examples
    judging: Examples
    spar: Examples
    walkers: VirtualWalkers | None = None
    agreement: Mapping[str, Agreement] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path, without: Collection[str] = ()) -> Data:
        """Read all sets.

        Args:
            folder: of the sets.
            without: names of sets, or of the motion capture, that are not wanted.

        Raises:
            DataRefused: one is missing or damaged, there is none of such a name, or none is
                left.
        """
        known = [data_set.name for data_set in TRAINED_ON]
        for name in without:
            if name not in (*known, MOTION_CAPTURE):
                raise DataRefused(
                    f"there is no data set {name!r} to do without",
                    where="train",
                    remedy=f"Choose from {', '.join((*known, MOTION_CAPTURE))}",
                )
        wanted = [data_set for data_set in TRAINED_ON if data_set.name not in without]
        if not wanted:
            raise DataRefused("no data set is left to learn from", where="train")
        agreement: dict[str, Agreement] = {}
        for data_set in (*wanted, SPAR):
            agreement |= check_set(folder, data_set)
        walkers = None
        if MOTION_CAPTURE not in without:
            walkers = VirtualWalkers(read_clips(folder), TRAINING_LENGTH)
        training = read_examples(folder, wanted, hop=LENGTH // 2, length=TRAINING_LENGTH)
        sound = np.array([agreement[place].sound for place in training.places])
        return cls(
            training.where(sound[training.position]),
            read_examples(folder, wanted, hop=LENGTH, length=LENGTH),
            read_examples(folder, [SPAR], hop=LENGTH, length=LENGTH),
            walkers,
            agreement,
        )

    @property
    def names(self) -> list[str]:
        """What is learnt from."""
        sets = [data_set.name for data_set in self.training.data_sets]
        return sets if self.walkers is None else [*sets, MOTION_CAPTURE]

    @property
    def later(self) -> list[str]:
        """Names of the sets that only the classifier learns from."""
        return [data_set.name for data_set in self.training.data_sets if data_set.later]

    def walkers_for(self, run: Run) -> VirtualWalkers | None:
        """The virtual walkers, where a run may learn from them."""
        return self.walkers if run.virtual else None


def train_and_judge(
    data: Data,
    recipe: Recipe,
    out: Path,
    *,
    teaching: Teaching | None = None,
    features: FileBase | None = None,
    judged: bool = True,
    tell: Tell = lambda line: None,
    progress: Callable[[str], Progress] | None = None,
) -> dict[str, Any]:
    """Train the shipped base, and its siblings that figures can be taken from.

    Args:
        data: the sets.
        recipe: how to train the features.
        teaching: how to teach the classifier on them; by default with as many windows as an
            epoch of the features has.
        features: a base whose features are kept, so that only a classifier is taught; what
            is known of the features is then read from the `figures.json` beside it.
        out: folder for `generic.tflite`, the same quantised as far as that does it no harm,
            `knn_reference.safetensors` and `figures.json`; the siblings go to `runs/` below it.
        judged: whether the siblings are trained and judged; else only the base is made.
        tell: told what was done.
        progress: for the name of a run, what is told after each epoch.

    Returns:
        The figures.

    Raises:
        OutputFailed: something cannot be written.
    """
    begun, cpu = time.monotonic(), time.process_time()
    follow = progress or (lambda name: lambda epoch, epochs, figures: None)
    teaching = teaching or Teaching(windows=recipe.epoch_windows, seed=recipe.seed)
    for place, agreement in data.agreement.items():
        tell(f"{place}: gyroscope against accelerometer: {agreement}")
    trained = learn(
        data.training,
        recipe,
        teaching,
        walkers=data.walkers,
        base=features,
        progress=follow(ALL.name),
    )
    # It is of use before anything is known of it.
    to_file(trained, None, data.names).write(out / "generic.tflite")
    runs: dict[str, dict[str, Any]] = {}
    unknown = None
    if judged:
        known = _known_of(data, teaching, features)
        paths = {}
        for run in _siblings(data, features):
            # A set that the features never saw needs no features of its own.
            shared = trained if run.data_set in data.later else None
            paths[run], runs[run.name] = sibling(
                run,
                data,
                recipe,
                teaching,
                out / "runs",
                known,
                follow(run.name),
                base=shared,
                heads=features is None,
            )
            tell(f"{run.name}: {paths[run]}")
        if features is not None:
            _add_known(runs, Path(features.file.path).with_name("figures.json"))
        told = {run: _told(run, path, data) for run, path in paths.items()}
        unknown = calibrate(
            [told[run] for run in paths if run in PEOPLE_RUNS],
            [told[run] for run in paths if run.data_set],
        )
        below = 0.0 if unknown is None else unknown.below
        for run, found in told.items():
            runs[run.name]["sureness"] = judge_sureness(found, below)
    unknown_below = None if unknown is None else unknown.below
    base = to_file(trained, unknown_below, data.names)
    reference = knn_reference(data.judging.where(~is_later(data.judging)))
    figures = {
        "version": VERSION,
        "digest": base.metadata.digest,
        "features": None if features is None else features.file.metadata.version,
        "recipe": asdict(recipe),
        "teaching": asdict(teaching),
        "unknown_below": unknown_below,
        "unknown": None if unknown is None else asdict(unknown),
        "size": len(base.content),
        "people": people_by_set(data.training),
        "data": data.names,
        "agreement": {place: asdict(found) for place, found in data.agreement.items()},
        "sibling_epochs": recipe.epochs if features else min(recipe.epochs, SIBLING_EPOCHS),
        "history": trained.history if isinstance(trained, Trained) else [],
        "cost": {
            "minutes": round((time.monotonic() - begun) / 60, 1),
            "core_hours": round((time.process_time() - cpu) / 3600, 2),
            "machine": platform.machine(),
        },
        "runs": runs,
    }
    write_result(out / "figures.json", json.dumps(figures, indent=1).encode())
    with writing(out / REFERENCE):
        reference.write(out / REFERENCE)
    base.write(out / "generic.tflite")
    tell(f"{ALL.name}: {out / 'generic.tflite'}, {len(base.content)} bytes")
    for kind in QUANTIZED:
        path = out / f"generic_{kind}.tflite"
        try:
            smaller = to_file(
                trained, unknown_below, data.names, kind, representative(ALL, data)
            )
        except (BaseRefused, ConversionRefused) as error:
            # A base stands without its smaller sisters; one of an earlier run is not its.
            path.unlink(missing_ok=True)
            tell(f"{ALL.name}: no {kind}: {error}")
        else:
            smaller.write(path)
            tell(f"{ALL.name}: {path}, {len(smaller.content)} bytes")
    return figures


def learn(
    examples: Examples,
    recipe: Recipe,
    teaching: Teaching,
    *,
    walkers: VirtualWalkers | None = None,
    base: Trained | FileBase | None = None,
    progress: Progress = lambda epoch, epochs, figures: None,
) -> Trained | TaughtBase:
    """Learn a base: its features from the sets that came first, its classifier from all.

    Args:
        examples: windows of `TRAINING_LENGTH` samples.
        recipe: how to train the features.
        teaching: how to teach the classifier.
        walkers: virtual ones, for the classifier; None for none.
        base: has the features already; None to train them.
        progress: told after each epoch of the features.

    Raises:
        DataRefused: there is no set that features can be learnt from.
    """
    if base is None:
        first = examples.where(~is_later(examples))
        if len(first) == 0:
            raise DataRefused(
                "no set is left that features are learnt from",
                where="train",
                remedy="Learn from one of dsads, wisdm_watch, motionsense and hapt",
            )
        base = train(first, recipe, progress=progress)
    embed = base.features if isinstance(base, Trained) else embedder(base.file)
    kernel, bias = teach(examples, embed, teaching, recipe.augmentation, walkers)
    if isinstance(base, Trained):
        return replace(base, kernel=kernel, bias=bias)
    return TaughtBase(base.file, base.name, VERSION, kernel, bias)


def to_file(
    trained: Trained | TaughtBase,
    unknown_below: float | None,
    data: Sequence[str] = (),
    quantization: Quantization = "none",
    representative: FloatArray | None = None,
) -> Converted:
    """Convert a trained base with the head that it ships with.

    Args:
        trained: the base.
        unknown_below: confidence under which its answer means *unknown*; None for never.
        data: names of what it learnt from.
        quantization: of its weights.
        representative: windows that int8 finds its ranges with.
    """
    base: Base | FileBase
    if isinstance(trained, TaughtBase):
        base = replace(trained, learnt_from=tuple(data), limit=unknown_below)
    else:
        base = imu_base(
            trained.body,
            trained.kernel,
            trained.bias,
            branch=trained.branch,
            kinds=trained.channels,
            labels=CORE,
            version=VERSION,
            licence=LICENCE,
            data=data,
            unknown_below=unknown_below,
        )
    return convert_model(
        base,
        softmax_head(l2=1e-3),
        Adam(0.01),
        quantization=quantization,
        representative=representative,
    )


def sibling(
    run: Run,
    data: Data,
    recipe: Recipe,
    teaching: Teaching,
    folder: Path,
    known: str,
    progress: Progress,
    *,
    base: Trained | FileBase | None = None,
    heads: bool = True,
) -> tuple[Path, dict[str, Any]]:
    """Train the base of a run and judge it, unless an earlier command did so alike.

    Args:
        run: what it may see.
        data: the sets.
        recipe: of the shipped base; where a set or a place is left out, features are trained
            for `SIBLING_EPOCHS` at most.
        teaching: how to teach the classifier.
        folder: of the siblings, each with its figures beside it.
        known: digest of the data, and of what else all siblings have in common.
        progress: told after each epoch.
        base: has the features already; None to train them.
        heads: whether heads on its features are judged, too.

    Returns:
        Its file and its figures.
    """
    path = folder / f"{run.name.replace(' ', '_')}.tflite"
    beside = path.with_suffix(".json")
    if run not in PEOPLE_RUNS:
        recipe = replace(recipe, epochs=min(recipe.epochs, SIBLING_EPOCHS))
    key = hashlib.sha256(f"{run} {recipe} {known} {VERSION}".encode()).hexdigest()
    if path.exists() and beside.exists():
        kept: dict[str, Any] = json.loads(beside.read_text())
        digest = ModelFile.read(path).metadata.digest
        if (kept.get("key"), kept.get("digest")) == (key, digest):
            return path, kept["figures"]
    trained = learn(
        data.training.where(run.trained_on(data.training)),
        recipe,
        teaching,
        walkers=data.walkers_for(run),
        base=base,
        progress=progress,
    )
    made = to_file(trained, None, data.names)
    made.write(path)
    figures = judge_run(run, path, data, heads=heads)
    if run.fold == 0 and not run.part and isinstance(trained, Trained):
        figures["quantized"] = judge_quantized(trained, run, data)
    text = json.dumps({"key": key, "digest": made.metadata.digest, "figures": figures})
    write_result(beside, text.encode())
    return path, figures


def judge_run(run: Run, path: Path, data: Data, *, heads: bool = True) -> dict[str, Any]:
    """Judge the file of a run on its strangers; on a foreign set the generic model alone."""
    file = ModelFile.read(path)
    strangers = data.judging.where(run.judged_on(data.judging))
    probabilities = embedder(file, "generic")
    figures = {
        "generic": judge_generic(strangers, probabilities, turns=0 if run.data_set else TURNS),
        "classes": judge_classes(strangers, probabilities),
        "confusion": confusion(strangers, probabilities),
    }
    if run.data_set or not heads:
        return figures
    personal, unknown = judge_personal(strangers, file, test_after=TEST_AFTER)
    if run.fold == 0 and not run.part:
        spar, spar_unknown = judge_personal(data.spar, file, test_after=SPAR_TEST_AFTER)
        personal, unknown = join([personal, spar]), join([unknown, spar_unknown])
    return figures | {"personal": personal, "unknown": unknown}


def _siblings(data: Data, features: FileBase | None) -> list[Run]:
    """The bases that figures are taken from.

    Where features are kept, one fold of the people shows whether the classifier lost anything,
    and no features are trained for the sets and places that the kept ones know.
    """
    if features is not None:
        return [*PEOPLE_RUNS[:1], *(run for run in SET_RUNS if run.data_set in data.later)]
    return [*PEOPLE_RUNS, *(r for r in SET_RUNS if r.data_set in data.names), *PLACE_RUNS]


def _told(run: Run, path: Path, data: Data) -> Outcomes:
    """What the base of a run says of its strangers."""
    strangers = data.judging.where(run.judged_on(data.judging))
    return outcomes(strangers, embedder(ModelFile.read(path), "generic"))


def _add_known(runs: dict[str, dict[str, Any]], path: Path) -> None:
    """Add what was found out about heads on the same features, when these were trained.

    Raises:
        DataRefused: it is not there.
    """
    try:
        before = json.loads(path.read_text())["runs"]
        for run in (*PEOPLE_RUNS, *PLACE_RUNS):
            mine = runs.setdefault(run.name, {})
            for what in ("personal", "unknown"):
                mine[what] = before[run.name][what]
    except (OSError, ValueError, KeyError) as error:
        raise DataRefused(
            "the figures of the base whose features are kept cannot be read",
            where=str(path),
            remedy="Put its figures.json beside it, or train with --no-figures",
        ) from error


def _known_of(data: Data, teaching: Teaching, features: FileBase | None) -> str:
    """A digest of all windows, whose they are, and what else all siblings have in common."""
    kept = "" if features is None else features.file.metadata.digest
    digest = hashlib.sha256(f"{data.names} {teaching} {kept}".encode())
    for array in (data.judging.values, data.judging.person, data.judging.own):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def judge_quantized(trained: Trained, run: Run, data: Data) -> dict[str, Any]:
    """Size and figures of a run's base in every quantisation that passes the guards."""
    strangers = data.judging.where(run.judged_on(data.judging))
    found: dict[str, Any] = {}
    for kind in QUANTIZED:
        try:
            converted = to_file(trained, None, data.names, kind, representative(run, data))
        except ConversionRefused:
            continue
        file = ModelFile.parse(converted.content, kind)
        found[kind] = {
            "size": len(converted.content),
            "generic": judge_generic(strangers, embedder(file, "generic")),
        }
    return found


def representative(run: Run, data: Data) -> FloatArray:
    """Windows of a run's own training that int8 finds its ranges with."""
    mine = np.flatnonzero(run.trained_on(data.training))
    chosen = np.random.default_rng(0).choice(mine, min(len(mine), CALIBRATION), replace=False)
    return np.ascontiguousarray(data.training.values[chosen, :LENGTH])


def people_by_set(examples: Examples) -> dict[str, list[int]]:
    """Numbers of the people of each set."""
    found: dict[str, list[int]] = {}
    for person in examples.people:
        data_set, _, number = person.partition("/")
        found.setdefault(data_set, []).append(int(number))
    return found
