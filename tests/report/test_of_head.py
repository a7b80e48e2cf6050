from __future__ import annotations

import numpy as np
import pytest

from headfield.capture import Landmarks, View
from headfield.report.of_head import eye_distance, report_of
from headfield.report.photos import numbers_of

from ..heads import small_head


def landmarks(scheme: str, n: int, right: int, left: int, **given: object) -> Landmarks:
    points = np.zeros((n, 2))
    points[right], points[left] = (10, 20), (40, 60)
    return Landmarks(points, np.ones(n, bool), scheme, **given)


def test_a_head_tells_most_of_its_report():
    head = small_head(facts={"seconds": {"fit": 2.0}, "settings": {"steps": 3}})
    camera = head.cameras["photo"]
    drawn = head.render(camera)
    marks = landmarks("multipie68", 68, 36, 45)
    marks.visible[0] = False
    view = View("photo", camera, drawn.image, mask=drawn.mask, landmarks=marks)
    report = report_of(head, [view], title="Anna", pixels=24)
    assert report.seconds == {"fit": 2.0}
    assert report.settings == {"steps": 3}
    assert list(report.confidence) == list(report.normals) == ["front", "three-quarter", "left", "right", "back"]
    numbers = {number.name: number.value for number in report.numbers}
    assert numbers["Vertices"] == len(head.mesh.vertices)
    # A ball of half a unit, and of it one camera in front sees a bit less than half.
    assert numbers["Height"] == pytest.approx(200, rel=0.05)
    assert 30 < numbers["Of the surface was seen"] < 55
    (photo,) = report.photos
    assert photo.eye_distance == pytest.approx(50)
    assert np.isnan(photo.landmarks[0]).all()
    assert np.isfinite(photo.landmarks[1:]).all()
    agreement = {number.name: number.value for number in numbers_of(photo)}
    assert agreement["Outlines agree above the shoulders (IoU)"] > 90


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        (landmarks("multipie68", 68, 36, 45), 50),
        (landmarks("mediapipe478", 478, 33, 263), 50),
        (landmarks("named", 2, 0, 1, names=("right_eye_outer", "left_eye_outer")), 50),
        (landmarks("named", 2, 0, 1, names=("chin", "nose_tip")), None),
    ],
)
def test_the_distance_of_the_eyes(marks, expected):
    assert eye_distance(marks) == expected
    marks.visible[:] = False
    assert eye_distance(marks) is None
