"""MediaPipe as it was until 0.10.21, with its models inside the package."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float32, Float64, UInt8

SURE = 0.65
"""How sure a detector is of a face at least, from 0 to 1: it takes the backs of heads for faces with up to 0.67."""


class Solutions:
    """Finds faces, their landmarks and people with MediaPipe's own models."""

    @cached_property
    def _detectors(self) -> tuple[Any, ...]:
        """For faces near by and far away."""
        detection = solutions().face_detection
        return tuple(detection.FaceDetection(model_selection=kind, min_detection_confidence=SURE) for kind in (0, 1))

    @cached_property
    def _mesh(self) -> Any:
        return solutions().face_mesh.FaceMesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1)

    @cached_property
    def _segmenter(self) -> Any:
        return solutions().selfie_segmentation.SelfieSegmentation(model_selection=0)

    def squares(self, image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "n 3"]:
        """Where there may be faces: the middle and the side of a square from the brows to the chin, in pixels."""
        with quietly():
            answers = [detector.process(image).detections or () for detector in self._detectors]
        boxes = [found.location_data.relative_bounding_box for answer in answers for found in answer]
        height, width = image.shape[:2]
        rows = [
            (width * (box.xmin + box.width / 2), height * (box.ymin + box.height / 2), width * box.width)
            for box in boxes
        ]
        return np.array(rows, float).reshape(-1, 3)

    def mesh(self, image: UInt8[np.ndarray, "h w 3"]) -> Float64[np.ndarray, "478 3"] | None:
        """The landmarks of the face that fills the middle of a picture, in pixels; None if there is none."""
        with quietly():
            found = self._mesh.process(image).multi_face_landmarks
        if not found:
            return None
        height, width = image.shape[:2]
        return np.array([(point.x, point.y, point.z) for point in found[0].landmark]) * (width, height, width)

    def person(self, image: UInt8[np.ndarray, "h w 3"]) -> Float32[np.ndarray, "h w"]:
        """How sure it is that a pixel shows a person, from 0 to 1."""
        with quietly():
            return np.array(self._segmenter.process(image).segmentation_mask, np.float32)


def solutions() -> Any:
    """The part of MediaPipe that later ones lack; ImportError where it is not there."""
    with quietly():
        from mediapipe import solutions as found
    return found


@contextmanager
def quietly() -> Iterator[None]:
    """Without what MediaPipe's machinery prints, most of it past Python and whatever it is asked."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        with redirect_stderr(io.StringIO()):
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
