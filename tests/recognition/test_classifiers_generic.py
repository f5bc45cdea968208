from dataclasses import replace

import msgspec
import pytest

from harpi.errors import ModelError
from harpi.recognition.classifiers import GenericClassifier
from harpi.recognition.model_file import ImageInput, ModelFile
from tests.support.models import tiny_base, tiny_mlp
from tests.support.motions import windows_of_motion


def changed(**changes: object) -> ModelFile:
    base = tiny_base()
    return replace(base, metadata=msgspec.structs.replace(base.metadata, **changes))


def test_its_labels_are_those_of_the_file() -> None:
    assert GenericClassifier(tiny_base()).labels == ("still", "slow", "fast")


def test_what_is_less_sure_than_the_file_says_is_unknown() -> None:
    windows = windows_of_motion("slow", 10, seed=8)
    sure = GenericClassifier(changed(unknown_below=0.0)).predict(windows)
    strict = GenericClassifier(changed(unknown_below=1.1)).predict(windows)
    assert not any(p.unknown for p in sure)
    assert all(p.unknown and p.best == "slow" and p.answer is None for p in strict)


def test_a_base_without_a_classifier_is_refused() -> None:
    with pytest.raises(ModelError, match="no classifier"):
        GenericClassifier(tiny_mlp())


def test_a_base_for_images_is_refused() -> None:
    with pytest.raises(ModelError, match="images"):
        GenericClassifier(changed(input=ImageInput(size=96)))
