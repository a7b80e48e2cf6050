"""MediaPipe as it is since 0.10.30, whose models are files of their own."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

from headfield.errors import InputError
from headfield.photo.mediapipe_solutions import quietly

LANDMARKER, SEGMENTER = "face_landmarker.task", "selfie_segmenter.tflite"
"""The files of models, as their makers call them."""

VARIABLE = "HEADFIELD_MODELS"
"""The environment variable that names the folder of models."""

MOST_FACES = 10


class Tasks:
    """Finds faces, their landmarks and people with models in a folder."""

    def __init__(self, models: Path | None = None):
        self._models = usual_folder() if models is None else models
        for path in (self._models / LANDMARKER, self._models / SEGMENTER):
            if not path.is_file():
                raise InputError(
                    f"{path} is missing, which this mediapipe needs to find faces; put it there, name its folder in "
                    f"{VARIABLE}, or `pip install --no-deps mediapipe==0.10.21`, which has its own."
                )

    @cached_property
    def _landmarker(self) -> Any:
        vision = tasks().vision
        options = vision.FaceLandmarkerOptions(base_options=self._file(LANDMARKER), num_faces=MOST_FACES)
        with quietly():
            return vision.FaceLandmarker.create_from_options(options)

    @cached_property
    def _segmenter(self) -> Any:
        vision = tasks().vision
        options = vision.ImageSegmenterOptions(base_options=self._file(SEGMENTER), output_confidence_masks=True)
        with quietly():
            return vision.ImageSegmenter.create_from_options(options)

    def squares(self, image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "n 3"]:
        """Where there may be faces: the middle and the side of a square from the brows to the chin, in pixels."""
        corners = [(face[:, :2].min(axis=0), face[:, :2].max(axis=0)) for face in self._meshes(image)]
        return np.array([[*(low + high) / 2, (high - low).max()] for low, high in corners], float).reshape(-1, 3)

    def mesh(self, image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "478 3"] | None:
        """The landmarks of the face that fills the middle of a picture, in pixels; None if there is none."""
        return max(self._meshes(image), key=lambda face: np.ptp(face[:, 0]), default=None)

    def person(self, image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        """How sure it is that a pixel shows a person, from 0 to 1."""
        with quietly():
            # The last of the masks is the person's, whether or not there is one of the background before it.
            mask = self._segmenter.segment(_picture(image)).confidence_masks[-1].numpy_view()
        return np.array(mask, np.float32).reshape(image.shape[:2])

    def _meshes(self, image: UInt8[np.ndarray, "h w 3"]) -> list[Float64[np.ndarray, "478 3"]]:
        with quietly():
            found = self._landmarker.detect(_picture(image)).face_landmarks
        height, width = image.shape[:2]
        return [np.array([(p.x, p.y, p.z) for p in face], float) * (width, height, width) for face in found]

    def _file(self, name: str) -> Any:
        return tasks().BaseOptions(model_asset_path=str(self._models / name))


def usual_folder() -> Path:
    """Where models are looked for if nothing else is said."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".cache" / "headfield" / "models")


def tasks() -> Any:
    """The part of MediaPipe that reads models from files; ImportError where it is not there."""
    with quietly():
        from mediapipe import tasks as found
    return found


def _picture(image: UInt8[np.ndarray, "h w 3"]) -> Any:
    from mediapipe import Image, ImageFormat

    return Image(image_format=ImageFormat.SRGB, data=np.ascontiguousarray(image))
