from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from headfield.canonical import CANONICAL_POINTS
from headfield.data.importers.h3ds import Settings, read
from headfield.data.store import create_dataset, read_subject, write_subject
from headfield.errors import InputError
from tests.data.importers import scenery
from tests.data.importers.scenery import FOCAL, PRINCIPAL, TURN, Photo, check_views, drawing, photos, save, silhouette

# Their world is in millimetres, and this head 5 % larger than average.
OFFSET = np.array([30.0, -700.0, 55.0])
DOTS = 210.0 * CANONICAL_POINTS @ TURN.T + OFFSET
NAMES = {"right_eye": 10, "left_eye": 11, "nose_tip": 2, "nose_base": 3, "right_lips": 8, "left_lips": 9}


def vertices():
    eyes = [DOTS[4:6].mean(axis=0), DOTS[6:8].mean(axis=0)]
    return np.concatenate([DOTS, eyes])


def write_scene(folder, *, swap=False, landmarks=True):
    matrices = {}
    for i, photo in enumerate(photos()):
        eye = (photo.eye - scenery.OFFSET) / scenery.SCALE * 210 + OFFSET
        pixels = Photo(photo.axes, eye).pixels(DOTS)
        save(folder / f"image/img_{i:04}.jpg", drawing(pixels))
        save(folder / f"mask/mask_{i:04}.png", silhouette(pixels))
        k = np.array([[FOCAL, 0, PRINCIPAL[0] - 0.5], [0, FOCAL, PRINCIPAL[1] - 0.5], [0, 0, 1]])
        matrices[f"world_mat_{i}"] = np.vstack([k @ np.column_stack([photo.axes, -photo.axes @ eye]), [0, 0, 0, 1]])
        matrices[f"scale_mat_{i}"] = np.diag([300.0, 300.0, 300.0, 1.0])
    np.savez(folder / "cameras.npz", **matrices)
    lines = [f"v {x!r} {y!r} {z!r}" for x, y, z in vertices().tolist()]
    lines += [f"f {i} {i + 1} {i + 2}" for i in range(1, 11)]
    (folder / "full_head.obj").write_text("\n".join(lines))
    (folder / "regions").mkdir()
    (folder / "regions/nose.txt").write_text("1\n2\n3\n")
    if landmarks:
        other = {"left": "right", "right": "left"}
        names = [re.sub("left|right", lambda m: other[m[0]] if swap else m[0], name) for name in NAMES]
        rows = [f"{name} {vertex}" for name, vertex in zip(names, NAMES.values(), strict=True)]
        (folder / "landmarks.txt").write_text("\n".join(rows) + "\n")


CONFIG = """version = 0.4
file_id = "abc"

[scenes]
    [scenes.1b2a]
    tags = ['h3d-net', 'sira++']
    views = 4
        [scenes.1b2a.default_views_configs]
        1 = [2]
        3 = [0, 3, 2]
        "4" = [0, 1, 2, 3, 3]

    [scenes.5ae0]
    views = 4
        [scenes.5ae0.default_views_configs]
        3 = [1, 2, 3]
"""


def write(folder, config=CONFIG, **scene):
    for name in ("1b2a", "5ae0"):
        (folder / name).mkdir()
        write_scene(folder / name, **scene)
    (folder / "version.txt").write_text("0.4\n")
    (folder / "config_v2.toml").write_text(config)


def refuses(folder, *words, **settings):
    with pytest.raises(InputError) as caught:
        list(read(folder, settings=Settings(**settings)))
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("swap", [False, True])
def test_scenes_come_into_head_space(tmp_path, swap):
    write(tmp_path, swap=swap)
    subjects = list(read(tmp_path))
    assert [subject.name for subject in subjects] == ["1b2a", "5ae0"]
    for subject in subjects:
        check_views(subject, dots=DOTS, tolerance=110)  # JPEG
        assert float(subject.to_head.scale) == pytest.approx(1 / 200)  # the size stays true
        assert subject.facts["placement"] == "landmarks"
        assert subject.facts["true_size"] is True
        # 5 % about the middle of the landmarks.
        error = subject.to_head.apply(torch.from_numpy(DOTS)).numpy() - CANONICAL_POINTS
        assert np.linalg.norm(error, axis=1).max() < 0.05 * 0.5
        np.testing.assert_allclose(
            subject.truth.vertices, subject.to_head.apply(torch.from_numpy(vertices())), atol=1e-9
        )
        named = dict(zip(subject.landmarks.names, subject.landmarks.points, strict=True))
        assert named["left_eye"][0] > named["right_eye"][0]


def test_configurations_and_regions_are_kept(tmp_path):
    write(tmp_path)
    subject, other = read(tmp_path)
    names = ["img_0000", "img_0001", "img_0002", "img_0003"]
    assert subject.capture.views.names == tuple(names)
    assert subject.facts["views_configs"] == {"1": [names[2]], "3": [names[i] for i in (0, 3, 2)], "4": names}
    assert other.facts["views_configs"] == {"3": names[1:]}
    np.testing.assert_array_equal(np.flatnonzero(subject.truth.attributes["region_nose"]), [1, 2, 3])


def test_what_is_imported_comes_back_from_the_store(tmp_path):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in")
    subject = next(read(tmp_path / "in"))
    stored = read_subject(write_subject(subject, create_dataset(tmp_path / "out")))
    check_views(stored, dots=DOTS, tolerance=110)
    assert stored.facts == subject.facts
    np.testing.assert_array_equal(stored.truth.attributes["region_nose"], subject.truth.attributes["region_nose"])


def test_one_scene_alone(tmp_path):
    write(tmp_path)
    (subject,) = read(tmp_path / "5ae0")
    assert set(subject.facts["views_configs"]) == {"3"}
    (subject,) = read(tmp_path, settings=Settings(scenes=("1b2a",)))
    assert subject.name == "1b2a"


def test_the_earlier_configuration_file(tmp_path):
    write(tmp_path, "scenes = ['1b2a']\n[views]\n    [views.1b2a]\n    3 = [0, 1, 2]\n")
    (tmp_path / "config_v2.toml").rename(tmp_path / "elsewhere.toml")
    subject = next(read(tmp_path, settings=Settings(config=tmp_path / "elsewhere.toml")))
    assert subject.facts["views_configs"] == {"3": ["img_0000", "img_0001", "img_0002"]}
    assert next(read(tmp_path)).facts["views_configs"] == {}


def test_without_landmarks_the_cameras_say_where_the_head_is(tmp_path):
    write(tmp_path, landmarks=False)
    subject = next(read(tmp_path))
    assert subject.facts["placement"] == "cameras"
    check_views(subject, dots=DOTS, tolerance=110)


# What cannot be used.


def test_no_scenes(tmp_path):
    refuses(tmp_path, str(tmp_path), "holds no scenes of H3DS")
    write(tmp_path)
    refuses(tmp_path, "has no scene f00", "1b2a, 5ae0", scenes=("f00",))


def test_configurations_that_do_not_fit(tmp_path):
    write(tmp_path, CONFIG.replace("[0, 3, 2]", "[0, 3, 4]"))
    refuses(tmp_path, "1b2a has 4 views", "name view 4")
    (tmp_path / "config_v2.toml").write_text("a = 1")
    refuses(tmp_path, "config_v2.toml has no views configurations")
    refuses(tmp_path, "gone.toml does not exist", config=tmp_path / "gone.toml")


def test_vertices_that_are_not_there(tmp_path):
    write(tmp_path)
    (tmp_path / "1b2a/regions/nose.txt").write_text("12\n")
    refuses(tmp_path, "nose.txt names vertex 12, but full_head.obj beside it has 12 vertices")
    (tmp_path / "1b2a/regions/nose.txt").write_text("nose\n")
    refuses(tmp_path, "nose.txt is not a region")
    (tmp_path / "1b2a/regions/nose.txt").write_text("9" * 5000)
    refuses(tmp_path, "nose.txt is not a region")
    (tmp_path / "1b2a/regions/nose.txt").write_text("1\n")
    (tmp_path / "1b2a/landmarks.txt").write_text("nose_tip 99\n")
    refuses(tmp_path, "landmarks.txt names vertex 99")
    (tmp_path / "1b2a/landmarks.txt").write_text("nose_tip\n")
    refuses(tmp_path, "landmarks.txt is not the landmarks of a scene")
    (tmp_path / "1b2a/landmarks.txt").write_text("nose_tip 1\n")
    refuses(tmp_path, "landmarks.txt has 1 landmarks that head space knows")
