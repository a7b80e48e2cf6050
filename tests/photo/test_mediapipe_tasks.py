from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from headfield.errors import InputError
from headfield.photo.faces import face_finder
from headfield.photo.mediapipe_tasks import LANDMARKER, SEGMENTER, VARIABLE

from .discs import Discs, picture


class Detector:
    """Answers as MediaPipe's tasks do, with a disc where they would have a face."""

    def __init__(self, options: SimpleNamespace):
        self.file = options.base_options.model_asset_path

    @classmethod
    def create_from_options(cls, options: SimpleNamespace) -> Detector:
        return cls(options)

    def detect(self, image: SimpleNamespace) -> SimpleNamespace:
        assert self.file.endswith(LANDMARKER)
        found = Discs().mesh(image.data)
        if found is None:
            return SimpleNamespace(face_landmarks=[])
        height, width = image.data.shape[:2]
        points = found / (width, height, width)
        return SimpleNamespace(face_landmarks=[[SimpleNamespace(x=x, y=y, z=z) for x, y, z in points]])

    def segment(self, image: SimpleNamespace) -> SimpleNamespace:
        assert self.file.endswith(SEGMENTER)
        sure = Discs().person(image.data)
        masks = [SimpleNamespace(numpy_view=lambda: 1 - sure), SimpleNamespace(numpy_view=lambda: sure[..., None])]
        return SimpleNamespace(confidence_masks=masks)


@pytest.fixture
def mediapipe(monkeypatch):
    """A MediaPipe without its own models."""
    module = ModuleType("mediapipe")
    vision = SimpleNamespace(
        FaceLandmarker=Detector,
        ImageSegmenter=Detector,
        FaceLandmarkerOptions=SimpleNamespace,
        ImageSegmenterOptions=SimpleNamespace,
    )
    module.tasks = SimpleNamespace(BaseOptions=SimpleNamespace, vision=vision)
    module.Image, module.ImageFormat = SimpleNamespace, SimpleNamespace(SRGB="sRGB")
    monkeypatch.setitem(sys.modules, "mediapipe", module)


def test_faces_and_people_are_found_with_models_in_a_folder(mediapipe, tmp_path):
    for name in (LANDMARKER, SEGMENTER):
        (tmp_path / name).touch()
    finder = face_finder(tmp_path)
    image = picture(300, 260, (120, 140, 100))
    (face,) = finder.faces(image)
    assert face.size == pytest.approx(100, rel=0.03)
    np.testing.assert_allclose(face.landmarks[[234, 454], :2].mean(axis=0), (120, 140), atol=2)
    np.testing.assert_array_equal(finder.person(image) > 0.5, image[..., 0] > 150)
    assert finder.faces(picture(150, 150)) == ()


@pytest.mark.parametrize("name", [LANDMARKER, SEGMENTER])
def test_a_missing_model_is_one_sentence(mediapipe, tmp_path, name):
    for other in {LANDMARKER, SEGMENTER} - {name}:
        (tmp_path / other).touch()
    with pytest.raises(InputError) as error:
        face_finder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path / name} is missing, which this mediapipe needs to find faces; put it there, name its folder in "
        "HEADFIELD_MODELS, or `pip install --no-deps mediapipe==0.10.21`, which has its own."
    )


def test_without_a_word_models_are_looked_for_in_the_usual_folder(mediapipe, tmp_path, monkeypatch):
    home = tmp_path / "home"
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(Path, "home", lambda: home)
    usual = home / ".cache" / "headfield" / "models"
    with pytest.raises(InputError, match="^" + re.escape(f"{usual / LANDMARKER} is missing")):
        face_finder()
    for folder in (usual, tmp_path / "mine"):
        folder.mkdir(parents=True)
        for name in (LANDMARKER, SEGMENTER):
            (folder / name).touch()
    assert face_finder().faces(picture(300, 260, (120, 140, 100)))
    (usual / SEGMENTER).unlink()
    monkeypatch.setenv(VARIABLE, str(tmp_path / "mine"))
    assert face_finder().faces(picture(300, 260, (120, 140, 100)))
