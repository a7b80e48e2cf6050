from pathlib import Path

import numpy as np
import pytest

from headfield.mesh.raycast import RayCaster
from headfield.mesh.vertices import merge_equal
from headfield.studio.body import BUST, Body, make_body
from headfield.studio.builtin import load_builtin
from headfield.studio.expression import NATURAL, Expression, alone, natural, neutral
from headfield.studio.figure import Figure, Part
from headfield.studio.ict import load_ict
from headfield.studio.identity import Identity
from headfield.studio.model import HeadModel
from headfield.studio.sitter import Sitter
from headfield.studio.truth import outer_surface
from headfield.surface import Mesh
from headfield.units import MILLIMETRES_PER_UNIT

from .scenes import figure


@pytest.fixture(scope="module", params=["builtin", "ict"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    if request.param == "ict":
        request.getfixturevalue("assets")
        return load_ict()
    return load_builtin()


def is_closed(mesh: Mesh) -> bool:
    """Every directed edge has its opposite exactly once, and the whole is one ball (Euler's formula)."""
    _, which = merge_equal(mesh.vertices)
    faces = which[mesh.faces]
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    keys, opposite = edges @ [len(which), 1], edges[:, ::-1] @ [len(which), 1]
    once = len(np.unique(keys)) == len(keys) and np.array_equal(np.sort(keys), np.sort(opposite))
    return once and len(np.unique(faces)) - len(edges) // 2 + len(faces) == 2


def volume(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.corners, 1, 0)
    return float(np.einsum("fk,fk->", a, np.cross(b, c)) / 6)


def meshes(body: Body) -> list[Mesh]:
    return [body.skin, *body.eyeballs, body.teeth, body.gums]


@pytest.mark.parametrize("seed", range(3))
def test_skin_and_eyeballs_are_closed_and_end_at_the_sphere(model: HeadModel, seed: int):
    rng = np.random.default_rng(seed)
    body = make_body(model, Identity.sample(model, rng), natural(model, rng))
    for mesh in (body.skin, *body.eyeballs):
        assert is_closed(mesh)
        assert volume(mesh) > 0
    radius = np.linalg.norm(body.skin.vertices, axis=1)
    assert radius.max() == pytest.approx(BUST, abs=1e-12)
    assert (radius > BUST - 1e-12).sum() > 100
    assert body.skin.uv is not None
    assert 0 <= body.skin.uv.min() < body.skin.uv.max() <= 1


def test_the_skin_corresponds_between_the_expressions_of_a_person(model: HeadModel, rng: np.random.Generator):
    identity = Identity.sample(model, rng)
    calm, moved = (make_body(model, identity, expression) for expression in (alone("jawOpen", 0), alone("jawOpen")))
    np.testing.assert_array_equal(calm.skin.faces, moved.skin.faces)
    on_the_head = calm.skin.attributes["rest"][:, 1] > -0.3
    np.testing.assert_array_equal(calm.skin.attributes["rest"][on_the_head], moved.skin.attributes["rest"][on_the_head])


def test_the_mean_person_is_where_the_skin_says_it_rests(model: HeadModel):
    body = make_body(model, Identity.average(model), Expression("nothing", {}))
    uncut = np.linalg.norm(body.skin.vertices, axis=1) < 0.98
    apart = np.linalg.norm(body.skin.vertices - body.skin.attributes["rest"], axis=1)[uncut]
    assert np.median(apart) == 0
    lifted = 1.5 if "ICT" in model.name else 4  # lids that lie in the eyeball are
    assert apart.max() * MILLIMETRES_PER_UNIT < lifted


def test_eyes_turn_about_their_centres_to_where_the_lids_follow(model: HeadModel):
    straight = make_body(model, Identity.average(model), Expression("ahead", {}))
    up = make_body(model, Identity.average(model), Expression("up", {"eyeLookUp_L": 1, "eyeLookUp_R": 1}))
    left = make_body(model, Identity.average(model), Expression("left", {"eyeLookOut_L": 1, "eyeLookIn_R": 1}))
    assert (up.gaze[:, 1] > straight.gaze[:, 1] + 0.3).all()
    assert (left.gaze[:, 0] > straight.gaze[:, 0] + 0.4).all()
    np.testing.assert_allclose(up.eye_centres, straight.eye_centres, atol=1e-9)
    for before, after, centre in zip(straight.eyeballs, left.eyeballs, left.eye_centres, strict=True):
        np.testing.assert_allclose(
            np.linalg.norm(before.vertices - centre, axis=1), np.linalg.norm(after.vertices - centre, axis=1)
        )


def test_closed_lids_hide_the_eyes(model: HeadModel):
    rng = np.random.default_rng(3)
    for _ in range(3):
        identity = Identity.sample(model, rng)
        open_, shut = (
            make_body(model, identity, Expression("", dict.fromkeys(("eyeBlink_L", "eyeBlink_R"), float(weight))))
            for weight in (0, 1)
        )
        assert _eye_pixels(open_) > 60
        assert _eye_pixels(shut) <= 0.02 * _eye_pixels(open_)


def _eye_pixels(body: Body) -> int:
    scene = Mesh(
        np.concatenate([mesh.vertices for mesh in (body.skin, *body.eyeballs)]),
        np.concatenate(
            [
                body.skin.faces,
                body.eyeballs[0].faces + len(body.skin.vertices),
                body.eyeballs[1].faces + len(body.skin.vertices) + len(body.eyeballs[0].vertices),
            ]
        ),
    )
    across, up = np.meshgrid(np.linspace(-0.08, 0.08, 40), np.linspace(-0.05, 0.05, 25))
    seen = 0
    for centre in body.eye_centres:
        origins = centre + np.stack([across.ravel(), up.ravel(), np.ones(across.size)], axis=1)
        hits = RayCaster(scene).first_hits(origins, np.tile([0.0, 0.0, -1.0], (len(origins), 1)))
        seen += int((hits.faces >= len(body.skin.faces)).sum())
    return seen


def test_different_seeds_make_different_people_and_equal_seeds_the_same(model: HeadModel):
    one, again, other = (
        make_body(model, Identity.sample(model, rng), neutral(model, rng))
        for rng in (np.random.default_rng(7), np.random.default_rng(7), np.random.default_rng(8))
    )
    np.testing.assert_array_equal(one.vertices, again.vertices)
    assert np.abs(one.landmarks - other.landmarks).max() * MILLIMETRES_PER_UNIT > 2


def test_asymmetry_is_what_is_left_when_the_mirror_image_is_taken_away(model: HeadModel, rng: np.random.Generator):
    identity = Identity.sample(model, rng)
    points = rng.normal(size=(500, 3)) * 0.4
    mirror = np.array([-1.0, 1.0, 1.0])
    moved = identity.asymmetry(points)
    np.testing.assert_allclose(identity.asymmetry(points * mirror) * mirror, -moved, atol=1e-12)
    size = np.sqrt(np.square(moved).sum(axis=1).mean()) * MILLIMETRES_PER_UNIT
    assert 0.1 < size < 4


def test_men_have_larger_faces_and_wider_jaws_on_average_and_the_sexes_overlap(model: HeadModel):
    def measures(femininity: float) -> np.ndarray:
        shapes = []
        for seed in range(30):
            identity = Identity.sample(model, np.random.default_rng(seed), femininity=femininity)
            places = model.landmarks[[8, 27, 4, 12]]
            modes = model.identity[:, places].astype(float)
            shapes.append(identity.scale * (model.mean[places] + np.tensordot(identity.weights, modes, axes=1)))
        chin, bridge, right, left = np.moveaxis(np.array(shapes), 1, 0)
        return np.stack([bridge[:, 1] - chin[:, 1], left[:, 0] - right[:, 0]]) * MILLIMETRES_PER_UNIT

    women, men = measures(1.0), measures(0.0)
    more = men.mean(axis=1) - women.mean(axis=1)
    assert (more > 4).all()
    assert (more < 16).all()
    assert (women.max(axis=1) > men.min(axis=1)).all()


def test_random_people_vary_as_much_as_the_model_says(model: HeadModel):
    weights = np.array([Identity.sample(model, np.random.default_rng(seed)).weights for seed in range(200)])
    assert 0.85 < weights.std() < 1
    assert np.abs(weights.mean(axis=0)).max() < 0.3
    scales = [Identity.sample(model, np.random.default_rng(seed)).scale for seed in range(200)]
    assert 0.95 < min(scales) < 0.98
    assert 1.02 < max(scales) < 1.05


@pytest.mark.parametrize("name", NATURAL)
def test_natural_expressions_stay_within_reach_and_eyes_agree(name: str, rng: np.random.Generator):
    model = load_builtin()
    expression = natural(model, rng, name)
    assert expression.name == name
    assert all(0 <= weight <= 1 for weight in expression.weights.values())
    left, right = expression.gaze
    assert abs(left[1] - right[1]) < np.radians(6)
    assert abs(left[0] - right[0]) < np.radians(12)


def test_people_who_sit_still_hardly_move(model: HeadModel, rng: np.random.Generator):
    still = neutral(model, rng)
    moved = make_body(model, Identity.average(model), still)
    calm = make_body(model, Identity.average(model), Expression("nothing", {}))
    apart = np.linalg.norm(moved.landmarks - calm.landmarks, axis=1) * MILLIMETRES_PER_UNIT
    assert 0 < apart.max() < 4


def test_lips_that_close_need_a_jaw_that_opens():
    assert alone("mouthClose", 0.7).weights == {"jawOpen": 0.7, "mouthClose": 0.7}
    assert alone("browDown_L").weights == {"browDown_L": 1.0}


# --- the outer surface -----------------------------------------------------------------------------------------------


def box(size: float, *, centre: tuple[float, float, float] = (0, 0, 0)) -> Mesh:
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    faces = [triangle for a, b, c, d in quads for triangle in ((a, b, c), (a, c, d))]
    return Mesh(np.array(centre) + size / 2 * corners, np.array(faces))


def test_what_is_inside_is_no_outer_surface():
    outer = outer_surface(Sitter.of(figure(box(1.0), box(0.5))))
    assert np.linalg.norm(outer.vertices, axis=1).min() == pytest.approx(np.sqrt(3) / 2)
    assert outer.face_areas.sum() == pytest.approx(6)


def test_the_outer_surface_of_overlapping_boxes_ends_where_they_meet():
    # Half of a smaller box sticks out of a face of a larger one.
    outer = outer_surface(Sitter.of(figure(box(1.0), box(0.5, centre=(0.5, 0, 0)))))
    truth = 6 - 0.25 + 0.25 + 4 * 0.5 * 0.25
    assert outer.face_areas.sum() == pytest.approx(truth, rel=0.02)
    assert outer.face_areas.sum() >= truth


def test_what_is_not_solid_hides_nothing_and_is_no_truth():
    glasses = Part("glasses", box(2.0), solid=False)
    wearing = Figure((Part("head", box(1.0)), glasses), np.zeros((68, 3)))
    assert outer_surface(Sitter.of(wearing)).face_areas.sum() == pytest.approx(6)


def test_a_closed_mouth_and_the_sockets_are_no_outer_surface(assets: Path):
    model = load_ict()
    body = make_body(model, Identity.average(model), Expression("nothing", {}))
    outer = outer_surface(Sitter.of(figure(*meshes(body))))
    inside_the_mouth = (np.abs(outer.vertices[:, 0]) < 0.1) & (np.abs(outer.vertices[:, 1] + 0.2) < 0.05)
    assert outer.vertices[inside_the_mouth & (outer.vertices[:, 2] > 0), 2].min() > 0.35
    # The skin without its sockets, and the visible part of the eyeballs.
    skin = model.surface(body.vertices, ["face", "head"])
    assert len(outer.faces) < len(skin.faces) + 2500
