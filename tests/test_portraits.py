from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from headfield import portraits
from headfield.cameras import Camera
from headfield.errors import InputError
from headfield.fitting.poses import LandmarkModel
from headfield.fitting.prior import ShapePrior
from headfield.photo.faces import Face
from headfield.photo.likeness import DIFFERENT, DOUBTFUL
from headfield.photo.multipie import MULTIPIE, multipie68
from headfield.portraits import FAR_OFF, PIXELS, capture_of, find_portraits

SIZE = (900, 700)


class Drawn:
    """Finds the face that a camera sees of a head with these landmarks, whatever the picture."""

    def __init__(self, camera, places):
        pixels, depth = camera.project(torch.from_numpy(places))
        scale = float(camera.focal.mean() / depth.mean())
        self.marks = np.column_stack([pixels.numpy(), scale * (depth - depth.mean()).numpy()])

    def faces(self, image):
        landmarks = np.tile(self.marks.mean(axis=0), (478, 1))
        # What the 68 lack: the irises, and the top of the forehead.
        landmarks[468], landmarks[473] = self.marks[36:42].mean(axis=0), self.marks[42:48].mean(axis=0)
        landmarks[10] = 2 * self.marks[27] - self.marks[33]
        landmarks[list(MULTIPIE)] = self.marks
        for _ in range(5):  # found as far from the heads' own points as usual
            off = self.marks[:, :2] - multipie68(Face(landmarks)).points
            landmarks[list(MULTIPIE), :2] += off
        return (Face(landmarks),)

    def person(self, image):
        return (image[..., 0] > 120).astype(np.float32)


class InTurn:
    """One finder for each photo after the other."""

    def __init__(self, *finders):
        self.left, self.now = list(finders), None

    def faces(self, image):
        self.now = self.left.pop(0)
        return self.now.faces(image)

    def person(self, image):
        return self.now.person(image)


@pytest.fixture(scope="module")
def prior():
    return ShapePrior.shipped("instant-avatar")


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "someone.png"
    picture = Image.new("RGB", SIZE, (40, 60, 50))
    ImageDraw.Draw(picture).ellipse((250, 120, 650, 600), fill=(190, 170, 160))
    picture.save(path)
    return path


def camera_from(azimuth):
    turn = np.radians(azimuth)
    eye = torch.tensor([7.5 * np.sin(turn), 0.4, 7.5 * np.cos(turn)])
    return Camera.look_at(eye, torch.tensor([0.05, -0.1, 0.0], dtype=eye.dtype), focal=2600.0, width=900, height=700)


def test_a_photo_is_posed_and_its_head_cut_out(prior, photo):
    model = LandmarkModel.of(prior.codes)
    camera = camera_from(20)
    (portrait,) = find_portraits([photo], prior, finder=Drawn(camera, model.mean))
    assert portrait.error < 0.02
    part = portrait.part
    assert max(part.image.shape[:2]) == PIXELS
    assert part.mask.max() == 255
    assert part.mask.min() == 0
    # The part and the whole photo see the same places.
    places = torch.from_numpy(model.mean)
    in_part, in_whole = (view.camera.project(places)[0].numpy() for view in (part, portrait.whole()))
    off = in_whole - portrait.landmarks.points
    scale = float(part.camera.focal[0] / portrait.camera.focal[0])
    np.testing.assert_allclose(in_part - part.landmarks.points, scale * off, atol=1.0)
    assert np.abs(off).max() < 15


def test_what_is_corrected_of_the_part_is_corrected_of_the_whole_photo(prior, photo):
    (portrait,) = find_portraits([photo], prior, finder=Drawn(camera_from(0), LandmarkModel.of(prior.codes).mean))
    moved = replace(portrait.part.camera, translation=portrait.part.camera.translation + 0.1)
    moved = replace(moved, focal=1.1 * moved.focal)
    whole = portrait.whole(moved).camera
    torch.testing.assert_close(whole.translation, portrait.camera.translation + 0.1)
    torch.testing.assert_close(whole.focal, 1.1 * portrait.camera.focal)
    assert (whole.width, whole.height) == SIZE


def test_several_photos_of_one_person_are_a_capture(prior, photo):
    model = LandmarkModel.of(prior.codes)
    finder = InTurn(*(Drawn(camera_from(azimuth), model.mean) for azimuth in (-30, 30)))
    capture = capture_of(find_portraits([photo, photo], prior, finder=finder))
    assert [view.name for view in capture.views] == ["someone", "someone-2"]
    assert capture.rough


def test_a_photo_that_does_not_agree_with_the_others_is_left_out(prior, photo):
    model = LandmarkModel.of(prior.codes)
    finders = [Drawn(camera_from(azimuth), model.mean) for azimuth in (-20, 20, 0)]
    eyes = np.linalg.norm(finders[2].marks[36, :2] - finders[2].marks[45, :2])
    finders[2].marks[27:, :2] += 0.1 * eyes * np.random.default_rng(0).normal(size=(41, 2))
    kept = find_portraits([photo] * 3, prior, finder=InTurn(*finders))
    assert [portrait.photo.name for portrait in kept] == ["someone", "someone-2"]
    assert kept[0].remarks[-1] == (
        "someone-3 was left out, since its face does not agree with those of the other photos."
    )
    (alone,) = find_portraits([photo], prior, finder=finders[2])  # better than nothing
    assert alone.error > FAR_OFF


def test_different_people_are_told_apart(prior, photo):
    model = LandmarkModel.of(prior.codes)
    strange = model.mean * (1.35, 0.8, 1.0)
    finder = InTurn(*(Drawn(camera_from(0), places) for places in (model.mean, strange)))
    with pytest.raises(InputError, match="another person"):
        find_portraits([photo, photo], prior, finder=finder)


@pytest.mark.parametrize(("unlike", "said"), [(DOUBTFUL - 1, 0), (DOUBTFUL + 1, 1)])
def test_who_may_be_another_is_remarked_on_and_who_surely_is_refused(prior, photo, monkeypatch, unlike, said):
    model = LandmarkModel.of(prior.codes)
    monkeypatch.setattr(portraits, "unlike_others", lambda shown: [unlike - 1, unlike])
    both = InTurn(*(Drawn(camera_from(azimuth), model.mean) for azimuth in (0, 10)))
    first, second = find_portraits([photo, photo], prior, finder=both)
    assert sum("another person" in remark for remark in first.remarks) == 0
    assert sum("another person" in remark for remark in second.remarks) == said
    monkeypatch.setattr(portraits, "unlike_others", lambda shown: [DIFFERENT - 1, DIFFERENT + 1])
    both = InTurn(*(Drawn(camera_from(azimuth), model.mean) for azimuth in (0, 10)))
    with pytest.raises(InputError, match="someone-2 seems to show another person than the other photos"):
        find_portraits([photo, photo], prior, finder=both)


def test_a_photo_without_a_face_is_named(prior, photo):
    class Nobody:
        def faces(self, image):
            return ()

        def person(self, image):
            raise AssertionError

    with pytest.raises(InputError, match=r"someone\.png: no face"):
        find_portraits([photo], prior, finder=Nobody())
    with pytest.raises(InputError, match="no photos"):
        find_portraits([], prior, finder=Nobody())
