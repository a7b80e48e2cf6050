"""Which landmarks a camera sees."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float64

from headfield.cameras import Camera
from headfield.capture import Landmarks
from headfield.studio.sitter import Sitter
from headfield.units import MILLIMETRES_PER_UNIT

BEFORE = 1.5 / MILLIMETRES_PER_UNIT
"""What lies this close before a landmark does not hide it: landmarks of one person's skin are no exact places."""


def visible_landmarks(sitter: Sitter, camera: Camera, landmarks: Float64[np.ndarray, "68 3"]) -> Landmarks:
    """The landmarks in the pixels of a camera; visible where they lie in the picture and nothing solid hides them."""
    exact = camera.to(dtype=torch.float64, device="cpu")
    pixels, depth = (values.numpy() for values in exact.project(torch.from_numpy(landmarks)))
    inside = ((pixels >= 0) & (pixels <= [camera.width, camera.height])).all(axis=1) & (depth > 0)
    eye = np.broadcast_to(exact.centre.numpy(), landmarks.shape)
    way = landmarks - eye
    until = 1 - BEFORE / np.linalg.norm(way, axis=1)
    return Landmarks(pixels, inside & ~sitter.solids.occluded(eye, way, max_distance=until))
