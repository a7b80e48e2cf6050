"""What every head model promises, of the built-in one always and of the ICT model where it is."""

from pathlib import Path

import numpy as np
import pytest

from headfield.canonical import CANONICAL_INDICES, CANONICAL_POINTS
from headfield.errors import InputError
from headfield.mesh.vertices import merge_equal
from headfield.studio.builtin import load_builtin
from headfield.studio.cut import border_loops
from headfield.studio.deform import Deformation, control_vertices
from headfield.studio.ict import load_ict, read_ict
from headfield.studio.model import EYES, IRIS_UV_PER_RADIAN, SKIN, HeadModel, eyeball_uv, sphere_centre
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT


@pytest.fixture(scope="module", params=["builtin", "ict"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    if request.param == "ict":
        request.getfixturevalue("assets")
        return load_ict()
    return load_builtin()


def test_the_mean_face_has_its_features_where_head_space_has_them(model: HeadModel):
    found = model.mean[model.landmarks[list(CANONICAL_INDICES)]]
    allowed = 1 if "ICT" in model.name else 6
    assert np.linalg.norm(found - CANONICAL_POINTS, axis=1).max() * MILLIMETRES_PER_UNIT < allowed


def test_parts_own_all_vertices_and_faces_one_after_the_other(model: HeadModel):
    for kind, total in (("vertices", len(model.mean)), ("faces", len(model.faces))):
        ranges = [getattr(part, kind) for part in model.parts.values()]
        assert [one.start for one in ranges] == [0, *(one.stop for one in ranges[:-1])]
        assert ranges[-1].stop == total


def test_the_skin_is_open_at_the_collar_only_and_there_beyond_the_sphere(model: HeadModel):
    faces = np.concatenate([model.faces[model.parts[part].faces] for part in SKIN])
    (collar,) = border_loops(faces)
    assert np.linalg.norm(model.mean[collar], axis=1).min() > 1.1


@pytest.mark.parametrize("parts", [SKIN, EYES[:1], EYES[1:], ("teeth",), ("gums",)])
def test_uv_is_in_the_texture_and_seams_keep_vertices_together(model: HeadModel, parts: tuple[str, ...]):
    mesh = model.surface(model.mean, parts)
    assert mesh.uv is not None
    assert 0 <= mesh.uv.min() < mesh.uv.max() <= 1
    faces = np.concatenate([model.faces[model.parts[part].faces] for part in parts])
    np.testing.assert_array_equal(mesh.corners, model.mean[faces])
    np.testing.assert_array_equal(model.layout(parts).vertex[mesh.faces], faces)


def test_the_skins_texture_shows_face_and_head_apart(model: HeadModel):
    face, head = (model.uv[model.corner_uv[model.parts[part].faces]] for part in ("face", "head"))
    assert face[..., 0].max() <= 2 / 3 <= head[..., 0].min() + 1e-9


def test_shapes_add_up(model: HeadModel, rng: np.random.Generator):
    weights = rng.normal(size=model.modes)
    name = model.expression_names[0]
    both = model.shape(weights, {name: 0.5})
    np.testing.assert_allclose(
        both - model.shape(weights), model.shape(0 * weights, {name: 0.5}) - model.mean, atol=1e-6
    )
    np.testing.assert_array_equal(model.shape(0 * weights), model.mean)


def test_an_expression_that_is_not_there_is_named(model: HeadModel):
    with pytest.raises(InputError, match=r"no expression 'earWiggle'; it has .*jawOpen"):
        model.shape(np.zeros(model.modes), {"earWiggle": 1.0})


def test_expressions_named_left_move_the_left_side(model: HeadModel):
    for name, move in zip(model.expression_names, model.expressions, strict=True):
        if name.endswith(("_L", "_R")):
            face = model.parts["face"].vertices
            weight = np.square(move[face]).sum(axis=1)
            middle = (weight @ model.mean[face, 0]) / weight.sum()
            assert (middle > 0) == name.endswith("_L"), name


def test_open_jaws_bring_the_lower_lip_down_and_blinks_the_upper_lid(model: HeadModel):
    move = model.expressions[model.expression_index("jawOpen")][model.landmarks]
    assert move[57, 1] * MILLIMETRES_PER_UNIT < -10
    assert abs(move[27, 1]) * MILLIMETRES_PER_UNIT < 1


def test_eyes_look_ahead_from_their_centres(model: HeadModel):
    for eye, pupil in zip(EYES, model.pupils, strict=True):
        part = model.parts[eye].vertices
        assert part.start <= pupil < part.stop
        ahead = model.mean[pupil] - sphere_centre(model.mean[part], model.mean[pupil])
        assert ahead[2] / np.linalg.norm(ahead) > np.cos(np.radians(8))


def test_an_eyeballs_texture_counts_angles_from_the_pupil(rng: np.random.Generator):
    directions = rng.normal(size=(200, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    directions[:, 2] = np.abs(directions[:, 2])
    uv = eyeball_uv(3 + 2 * directions, np.full(3, 3.0), np.array([3.0, 3.0, 5.0]))
    angles = np.arccos(directions[:, 2])
    np.testing.assert_allclose(np.linalg.norm(uv - 0.5, axis=1), angles * IRIS_UV_PER_RADIAN, atol=1e-12)
    np.testing.assert_array_equal(np.sign(uv - 0.5), np.sign(directions[:, :2]))


def test_what_lies_on_the_mean_skin_follows_it(model: HeadModel, rng: np.random.Generator):
    moved = model.shape(rng.normal(size=model.modes))
    follow = Deformation.of(model, moved)
    scalp = np.arange(len(moved))[model.parts["head"].vertices]
    error = np.linalg.norm(follow.apply(model.mean[scalp]) - moved[scalp], axis=1)
    assert np.median(error) * MILLIMETRES_PER_UNIT < 0.5
    assert error.max() * MILLIMETRES_PER_UNIT < 4


def test_a_head_that_is_moved_and_stretched_takes_all_of_space_along(model: HeadModel, rng: np.random.Generator):
    stretch, shift = np.array([1.1, 0.95, 1.03]), np.array([0.02, -0.01, 0.03])
    points = rng.normal(size=(100, 3))
    follow = Deformation.of(model, model.mean * stretch + shift)
    np.testing.assert_allclose(follow.apply(points), points * stretch + shift, atol=1e-6)


def test_controls_are_spread_out(model: HeadModel):
    points = model.mean[control_vertices(model)]
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(len(points))
    assert apart.min() > 0.01
    assert len(np.unique(control_vertices(model))) == len(points)


def test_the_ict_model_brings_all_its_modes_and_expressions(assets: Path):
    model = load_ict()
    assert model.modes == 100
    assert len(model.expression_names) == 53
    assert set(model.parts) == {*SKIN, *EYES, "teeth", "gums"}


def test_ict_eyeballs_are_closed(assets: Path):
    model = load_ict()
    for eye in EYES:
        mesh = model.surface(model.mean, [eye])
        _, which = merge_equal(mesh.vertices)
        assert not border_loops(which[mesh.faces])
        assert Mesh.of(mesh.vertices, mesh.faces).face_areas.min() > 0


def test_a_damaged_model_file_is_named(tmp_path: Path):
    (tmp_path / "ict_facekit.npz").write_bytes(b"PK\x03\x04 and then nothing")
    with pytest.raises(
        InputError, match=r"ict_facekit.npz is damaged; fetch it again with `headfield assets fetch ict"
    ):
        read_ict(tmp_path / "ict_facekit.npz")
