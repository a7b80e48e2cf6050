from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from headfield.errors import InputError
from headfield.head import Head, load
from headfield.mesh.files import read_mesh
from headfield.mesh.pictures import linear_intensities, srgb_values
from headfield.mesh.topology import components, is_watertight
from headfield.transforms import Similarity, so3_exp

from .heads import Ball, front, small_head


@pytest.fixture(scope="module")
def head() -> Head:
    moved = Similarity(
        torch.tensor(0.01, dtype=torch.float64),
        so3_exp(torch.tensor([0.3, -1.0, 2.0], dtype=torch.float64)),
        torch.tensor([0.1, 0.2, -0.3], dtype=torch.float64),
    )
    return small_head(facts={"method": "none", "seed": 3, "losses": [1.0, 0.5]}, to_head=moved)


def test_the_mesh_is_the_surface_and_coloured_by_the_field():
    mesh = Head.of(Ball(), resolution=48).mesh
    lengths = np.linalg.norm(mesh.vertices, axis=1)
    np.testing.assert_allclose(lengths, 0.5, atol=1e-3)
    outwards = mesh.vertices / lengths[:, None]
    np.testing.assert_allclose(mesh.colours, (outwards + 1) / 2 * 255, atol=0.6)


def test_what_floats_beside_the_head_is_left_out():
    class WithFloater(Ball):
        def distance(self, points: torch.Tensor) -> torch.Tensor:
            floater = (points - points.new_tensor([0.8, 0, 0])).norm(dim=-1) - 0.1
            return torch.minimum(super().distance(points), floater)

    mesh = Head.of(WithFloater(), resolution=48).mesh
    assert components(mesh).max() == 0
    assert mesh.bounds.max() < 0.51


@pytest.mark.parametrize(
    ("height", "thread", "hangs"), [(-0.35, 0.008, True), (-0.35, 0.05, False), (0.35, 0.008, False)]
)
def test_what_hangs_about_the_shoulders_by_a_thread_is_cut_off(height, thread, hangs):
    class WithLump(Ball):
        def distance(self, points: torch.Tensor) -> torch.Tensor:
            lump = (points - points.new_tensor([0, height, -0.6])).norm(dim=-1) - 0.1
            aside = (points - points.new_tensor([0, height, 0]))[:, :2].norm(dim=-1) - thread
            stalk = torch.maximum(aside, (points[:, 2] + 0.4).abs() - 0.25)
            return torch.minimum(torch.minimum(super().distance(points), lump), stalk)

    mesh = Head.of(WithLump(), resolution=128).mesh
    assert is_watertight(mesh)
    assert components(mesh).max() == 0
    assert (mesh.vertices[:, 2].min() > -0.55) == hangs


def test_a_surface_thinner_than_any_thread_stays_whole():
    mesh = Head.of(Ball(0.02), resolution=128).mesh
    assert is_watertight(mesh)
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 0.02, atol=2e-3)


def test_what_reaches_beyond_the_unit_sphere_is_closed_by_it():
    mesh = Head.of(Ball(0.6, (0, -0.7, 0)), resolution=48).mesh
    assert is_watertight(mesh)
    assert np.linalg.norm(mesh.vertices, axis=1).max() < 1.001
    assert mesh.vertices[:, 1].min() < -0.99


def test_confidence_is_how_squarely_the_cameras_see_what_nothing_hides():
    camera = front(distance=6.0)
    head = Head.of(Ball(), cameras={"front": camera}, resolution=48)
    towards = camera.centre.numpy() - head.mesh.vertices
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = np.sum(towards * head.mesh.vertices / 0.5, axis=1)
    clear = np.abs(cosine) > 0.15  # near the horizon the mesh's own facets decide
    np.testing.assert_allclose(head.confidence[clear], cosine.clip(0, 1)[clear], atol=0.02)
    assert Head.of(Ball(), resolution=24).confidence is None


def test_what_looks_otherwise_in_the_photo_is_not_trusted():
    """Half of the photo is painted over, and all of it is too bright."""
    head = Head.of(Ball(), cameras={"front": front(size=200)}, resolution=48)
    photo = head.render(front(size=200))
    assert photo.mask is not None
    same = head.compared([photo])
    clear = head.confidence > 0.3
    np.testing.assert_allclose(same.confidence[clear], head.confidence[clear], atol=0.1)
    bright = np.round(255 * srgb_values(1.3 * linear_intensities(photo.image / 255)).clip(0, 1)).astype(np.uint8)
    bright[:, :100] = (20, 120, 20)
    doubted = head.compared([replace(photo, image=bright)])
    well_inside = (head.confidence > 0.6) & (np.abs(head.mesh.vertices[:, 0]) > 0.08)
    left_in_photo = head.mesh.vertices[:, 0] < 0
    assert doubted.confidence[well_inside & left_in_photo].mean() < 0.1
    kept = well_inside & ~left_in_photo
    np.testing.assert_allclose(doubted.confidence[kept], head.confidence[kept], atol=0.1)
    again = head.compared([replace(photo, image=bright), photo])
    np.testing.assert_allclose(again.confidence[clear], head.confidence[clear], atol=0.1)
    counted = again.mesh.attributes["views"]
    assert (counted[kept] == 2).all()
    assert (counted[well_inside & left_in_photo] == 1).mean() > 0.9
    assert (counted[head.mesh.vertices[:, 2] < 0] == 0).all()
    assert (head.compared([]).confidence == 0).all()


def test_what_is_outside_the_picture_was_not_seen():
    left = front().crop(0, 0, 32, 64)
    head = Head.of(Ball(), cameras={"left half": left}, resolution=48)
    seen = head.confidence > 0
    assert seen.any()
    assert head.mesh.vertices[seen, 0].max() < 0.01


def test_a_camera_decides_from_where_colours_are_seen():
    camera = front()
    head = Head.of(Ball(by="direction"), cameras={"front": camera}, resolution=48)
    directions = head.mesh.colours / 255 * 2 - 1
    square = head.confidence > 0.7
    forwards = head.mesh.vertices[square] - camera.centre.numpy()
    forwards /= np.linalg.norm(forwards, axis=1, keepdims=True)
    assert np.sum(directions[square] * forwards, axis=1).min() > 0.98
    behind = head.confidence == 0
    outwards = head.mesh.vertices[behind] / 0.5
    np.testing.assert_allclose(directions[behind], -outwards, atol=0.03)


def test_a_rendered_ball_has_the_depth_that_geometry_says():
    camera = front(96)
    view = Head.of(Ball(), resolution=24).render(camera, background=(0, 0, 1))
    rays = camera.rays(camera.pixel_centres().reshape(-1, 2))
    along = -(rays.origins * rays.directions).sum(-1)
    inside = 0.25 - (rays.origins.square().sum(-1) - along**2)
    distance = along - inside.clamp(min=0).sqrt()
    depth = (distance * (rays.directions @ camera.forward)).reshape(96, 96).numpy()
    sure = np.abs(inside.reshape(96, 96).numpy()) > 0.01
    hit = inside.reshape(96, 96).numpy() > 0
    np.testing.assert_array_equal(view.mask[sure] > 0, hit[sure])
    np.testing.assert_allclose(view.depth[hit & sure], depth[hit & sure], atol=2e-4)
    assert (view.image[~hit & sure] == [0, 0, 255]).all()
    assert view.camera is camera


def test_a_head_comes_back_as_it_was_saved(head, tmp_path):
    head.save(tmp_path / "anna")
    again = load(tmp_path / "anna")
    for name in ("vertices", "faces", "colours"):
        one, other = getattr(head.mesh, name), getattr(again.mesh, name)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()
    assert again.confidence.tobytes() == head.confidence.tobytes()
    assert dict(again.facts) == dict(head.facts)
    torch.testing.assert_close(again.to_head.matrix(), head.to_head.matrix())
    assert set(again.cameras) == {"photo"}
    torch.testing.assert_close(again.cameras["photo"].rotation, head.cameras["photo"].rotation)
    torch.testing.assert_close(again.cameras["photo"].translation, head.cameras["photo"].translation)
    points = torch.rand(100, 3) - 0.5
    assert torch.equal(again.field.distance(points), head.field.distance(points))
    one, other = (it.render(front(32)) for it in (head, again))
    assert one.image.tobytes() == other.image.tobytes()


def test_the_glb_in_the_folder_is_the_head_in_metres(head, tmp_path):
    head.save(tmp_path / "anna")
    np.testing.assert_allclose(
        np.ptp(read_mesh(tmp_path / "anna" / "head.glb", unit="unit").vertices, 0), 0.2, atol=0.01
    )


@pytest.mark.parametrize("suffix", [".glb", ".obj", ".ply", ".stl"])
def test_a_name_of_a_mesh_file_gets_the_mesh_alone(head, tmp_path, suffix):
    head.save(tmp_path / f"anna{suffix}")
    mesh = read_mesh(tmp_path / f"anna{suffix}")
    np.testing.assert_allclose(mesh.bounds, head.mesh.bounds, atol=1e-6)
    assert (mesh.colours is None) == (suffix == ".stl")


def test_facts_may_be_what_a_fit_has_at_hand(head, tmp_path):
    @dataclass(frozen=True)
    class Settings:
        steps: tuple[int, int] = (100, 200)

    facts = {"settings": Settings(), "loss": np.float32(0.5), "worst": float("nan"), "code": torch.tensor([1, 2])}
    replace(head, facts=facts).save(tmp_path / "anna")
    assert load(tmp_path / "anna").facts == {
        "settings": {"steps": [100, 200]},
        "loss": 0.5,
        "worst": None,
        "code": [1, 2],
    }


def test_a_head_replaces_a_head_and_nothing_else(head, tmp_path):
    (tmp_path / "anna").mkdir()
    head.save(tmp_path / "anna")
    head.save(tmp_path / "anna")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").touch()
    for name in ("photos", "photos/one.jpg"):
        with pytest.raises(InputError, match="is there already and is no saved head"):
            head.save(tmp_path / name)
    assert (tmp_path / "photos" / "one.jpg").exists()
    with pytest.raises(TypeError, match="FIELDS"):
        Head.of(Ball(), resolution=16).save(tmp_path / "ball")
    assert not (tmp_path / "ball").exists()


def edited(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        (lambda f: (f / "head.json").unlink(), "is not a saved head, since it has no head.json; check the path."),
        (lambda f: (f / "head.json").write_text("{"), "is not a JSON file, or it was cut off"),
        (lambda f: edited(f / "head.json", version=99), "has format version 99, newer than 1; update headfield"),
        (lambda f: edited(f / "head.json", field="Voxels"), "names a field of the kind Voxels, which is not known"),
        (lambda f: edited(f / "head.json", facts=[]), "has facts that are no JSON object"),
        (lambda f: edited(f / "head.json", to_head=[[1]]), "to_head"),
        (lambda f: (f / "field.safetensors").unlink(), "field.safetensors does not exist"),
        (lambda f: (f / "field.safetensors").write_bytes(b"12345678"), "field.safetensors is not a safetensors file"),
        (lambda f: (f / "head.glb").unlink(), "head.glb does not exist"),
        (lambda f: (f / "head.glb").write_bytes(b"glTF"), "head.glb"),
        (lambda f: (f / "cameras.json").unlink(), "cameras.json does not exist"),
        (lambda f: edited(f / "cameras.json", frames=[3]), "cameras.json has no list of cameras with names"),
        (
            lambda f: edited(f / "cameras.json", frames=[{"name": "photo"}]),
            "cameras.json, photo lacks transform_matrix",
        ),
    ],
)
def test_what_is_no_whole_head_is_refused_in_one_sentence(head, tmp_path, break_it, sentence):
    head.save(tmp_path / "anna")
    break_it(tmp_path / "anna")
    with pytest.raises(InputError) as error:
        load(tmp_path / "anna")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nowhere", "is not a folder; a saved head was expected"), ("anna.glb", "is a mesh and not a saved head")],
)
def test_other_paths_are_refused(tmp_path, name, sentence):
    with pytest.raises(InputError, match=sentence):
        load(tmp_path / name)
