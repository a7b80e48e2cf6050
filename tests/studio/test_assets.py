import functools
import json
import shutil
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from headfield.cli import main
from headfield.errors import InputError
from headfield.studio import assets as assets_module
from headfield.studio.assets import Asset, VerbatimFile, asset, available, find, registry, verify
from headfield.studio.fetching import NOTICE, fetch
from headfield.studio.packing import (
    BUILDERS,
    ICT_LANDMARKS,
    ICT_PARTS,
    differs,
    fingerprint,
    fit_hair,
    fitted,
    pack_ict,
    read_obj,
)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No assets at all: no folder named, an empty cache."""
    pytest.importorskip("pooch")
    monkeypatch.delenv("HEADFIELD_ASSETS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder that is served, and the address it is served at."""
    folder = tmp_path / "web"
    folder.mkdir()

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


TEXT = b"for all the world"


def made(content: bytes = TEXT) -> Asset:
    import hashlib

    facts = VerbatimFile(
        "someone/something/abc/a file.txt".replace(" ", "_"), len(content), hashlib.sha256(content).hexdigest()
    )
    return Asset(
        "thing", "a thing", "some/things", "CC0-1.0", "someone", ("https://example.org",), {"a.txt": facts}, {}, ()
    )


def serve(folder: Path, content: bytes) -> None:
    (folder / "someone/something/abc").mkdir(parents=True)
    (folder / "someone/something/abc/a_file.txt").write_bytes(content)


def test_every_entry_says_who_made_it_under_which_licence_and_where_it_is_pinned():
    for entry in registry().values():
        assert entry.licence in {"MIT", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0"}
        assert entry.authors
        assert entry.file_names
        for home in entry.homes:
            assert home.startswith("https://github.com/")
            assert len(home.rsplit("/", 1)[1]) == 40
        pinned = {home.removeprefix("https://github.com/").replace("/tree/", "/") for home in entry.homes}
        for source in [*(file.source for file in entry.verbatim.values()), *entry.ingredients]:
            assert any(source.startswith(f"{start}/") for start in pinned), source
        assert bool(entry.built) == bool(entry.ingredients) == (entry.name in BUILDERS)


def test_an_asset_that_is_not_here_says_how_to_fetch_it(elsewhere: Path):
    with pytest.raises(
        InputError, match=r"(ict_facekit.npz|LICENSE.txt) is missing; run `headfield assets fetch ict-fac"
    ):
        asset("ict-facekit")
    assert not available("ict-facekit")


def test_a_name_that_is_none_is_told_the_others():
    with pytest.raises(InputError, match=r"there is no asset 'moon'; there are .*ict-facekit"):
        find("moon")


def test_a_named_folder_must_be_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HEADFIELD_ASSETS", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"HEADFIELD_ASSETS names .*nowhere, which is no folder; name one or unset"):
        asset("hair-strands")


def test_assets_come_from_the_named_folder(assets: Path):
    for name in registry():
        assert asset(name) == assets / registry()[name].folder
        assert available(name)


@pytest.mark.parametrize("damage", ["gone", "cut", "changed"])
def test_a_damaged_asset_is_named(damage: str, assets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copytree(assets / "hair" / "strands", tmp_path / "hair" / "strands")
    monkeypatch.setenv("HEADFIELD_ASSETS", str(tmp_path))
    victim = tmp_path / "hair" / "strands" / "Bob.npz"
    content = victim.read_bytes()
    victim.chmod(0o644)
    if damage == "gone":
        victim.parent.chmod(0o755)
        victim.unlink()
    else:
        victim.write_bytes(content[:-1] if damage == "cut" else content[:-1] + b"?")
    sentence = {"gone": "is missing", "cut": r"is damaged \(its size", "changed": r"is damaged \(its checksum"}[damage]
    with pytest.raises(InputError, match=f"Bob.npz {sentence}.*; put it there or unset HEADFIELD_ASSETS and run"):
        verify("hair-strands")


def test_the_data_here_are_what_the_registry_says(assets: Path):
    for name in registry():
        verify(name)


# --- fetching --------------------------------------------------------------------------------------------------------


def test_what_is_fetched_is_checked_and_its_licence_recorded(web: tuple[Path, str], tmp_path: Path):
    pytest.importorskip("pooch")
    serve(web[0], TEXT)
    folder = fetch(made(), into=tmp_path / "kept", host=web[1])
    assert folder == tmp_path / "kept/some/things"
    assert (folder / "a.txt").read_bytes() == TEXT
    notice = json.loads((folder / NOTICE).read_text())
    assert notice == {
        "what": "a thing",
        "licence": "CC0-1.0",
        "authors": "someone",
        "sources": ["https://example.org"],
    }


def test_a_checksum_that_differs_leaves_nothing_behind(web: tuple[Path, str], tmp_path: Path):
    pytest.importorskip("pooch")
    serve(web[0], b"something else entirely")
    with pytest.raises(InputError, match=r"things/a.txt is damaged \(its checksum differs\); its source has changed"):
        fetch(made(), into=tmp_path / "kept", host=web[1])
    assert not list((tmp_path / "kept").rglob("*.*"))


def test_a_failed_fetch_keeps_what_was_there(web: tuple[Path, str], tmp_path: Path):
    pytest.importorskip("pooch")
    serve(web[0], TEXT)
    folder = fetch(made(), into=tmp_path / "kept", host=web[1])
    with pytest.raises(InputError, match=r"a.txt is damaged"):
        fetch(made(b"the next edition"), into=tmp_path / "kept", host=web[1])
    assert (folder / "a.txt").read_bytes() == TEXT


def test_a_file_that_the_server_does_not_have_is_named(web: tuple[Path, str], tmp_path: Path):
    pytest.importorskip("pooch")
    with pytest.raises(
        InputError, match=r"abc/a_file.txt could not be fetched: the server answers 404; try again later"
    ):
        fetch(made(), into=tmp_path / "kept", host=web[1])


def test_no_network_is_one_sentence(tmp_path: Path):
    pytest.importorskip("pooch")
    with pytest.raises(InputError, match=r"a_file.txt could not be fetched; check the network and try again"):
        fetch(made(), into=tmp_path / "kept", host="http://127.0.0.1:9")
    assert not list((tmp_path / "kept").rglob("*.*"))


def test_an_asset_is_built_from_what_is_fetched(web: tuple[Path, str], tmp_path: Path):
    pytest.importorskip("pooch")
    write_ict(web[0] / "ict")
    pack_ict(web[0] / "ict", tmp_path)
    known = fingerprint(BUILDERS["ict-facekit"].read(tmp_path / "ict_facekit.npz"))
    sources = tuple(f"ict/{path.name}" for path in sorted((web[0] / "ict").iterdir()))
    wanted = Asset("ict-facekit", "", "morphable", "MIT", "", (), {}, {"ict_facekit.npz": known}, sources)
    folder = fetch(wanted, into=tmp_path / "kept", host=web[1])
    assert {path.name for path in folder.iterdir()} == {"ict_facekit.npz", NOTICE}
    assert [path.name for path in folder.parent.iterdir()] == ["morphable"]


# --- packing ---------------------------------------------------------------------------------------------------------


def write_ict(folder: Path) -> None:
    """A model of four vertices, a quad and a triangle, two identities and one expression."""
    folder.mkdir(parents=True)
    corners = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0.5]])
    tail = "vt 0 0\nvt 1 0\nvt 1.5 1\nusemtl M_Face\nf 1/1 2/2 3/3 4/1\nusemtl M_BackHead\nf 1/1/1 3/3/1 4/2/1\n"
    shapes = {
        "generic_neutral_mesh": corners,
        "identity000": corners + 0.25,
        "identity001": corners * 2,
        "jawOpen": corners - [0, 0, 1],
    }
    for name, points in shapes.items():
        lines = "".join(f"v {x} {y} {z}\n" for x, y, z in points.tolist())
        (folder / f"{name}.obj").write_text(f"# a comment\n{lines}{tail}")


def test_packing_keeps_offsets_from_the_neutral_head_and_cuts_quads(tmp_path: Path):
    write_ict(tmp_path / "in")
    pack_ict(tmp_path / "in", tmp_path)
    packed = np.load(tmp_path / "ict_facekit.npz")
    np.testing.assert_array_equal(packed["identity"][0], np.full((4, 3), 0.25))
    np.testing.assert_array_equal(packed["identity"][1], packed["neutral"])
    np.testing.assert_array_equal(packed["expression"], np.tile([0, 0, -1], (1, 4, 1)))
    assert list(packed["expression_names"]) == ["jawOpen"]
    np.testing.assert_array_equal(packed["tris"], [[0, 1, 2], [0, 2, 3], [0, 2, 3]])
    np.testing.assert_array_equal(packed["tris_uv"], [[0, 1, 2], [0, 2, 0], [0, 2, 1]])
    np.testing.assert_array_equal(packed["tri_to_face"], [0, 0, 1])
    assert packed["material_names"][packed["face_material"]].tolist() == ["M_Face", "M_BackHead"]


def test_packing_writes_what_the_data_here_hold(assets: Path):
    packed = np.load(assets / "morphable" / "ict_facekit.npz")
    np.testing.assert_array_equal(packed["landmarks68"], ICT_LANDMARKS)
    for kind, column in (("vertex", 0), ("face", 1)):
        ends = packed[f"part_{kind}_range"][: len(ICT_PARTS), 1]
        np.testing.assert_array_equal(ends, [end[column] for end in ICT_PARTS.values()])
    assert list(packed["part_names"][: len(ICT_PARTS)]) == list(ICT_PARTS)
    assert list(packed["expression_names"]) == sorted(packed["expression_names"])


def test_an_identity_of_another_size_is_named(tmp_path: Path):
    write_ict(tmp_path / "in")
    (tmp_path / "in" / "identity001.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"identity001.obj has another number of vertices than generic_neutral_mesh"):
        pack_ict(tmp_path / "in", tmp_path)


def test_a_broken_obj_file_is_named(tmp_path: Path):
    (tmp_path / "a.obj").write_text("v 0 0 zero\n")
    with pytest.raises(InputError, match=r"a.obj is not an OBJ file, or it was cut off; fetch it again"):
        read_obj(tmp_path / "a.obj")


def test_hair_is_fitted_by_weights_and_scaled_offsets(tmp_path: Path):
    base = np.array([[0, 0, 0], [2, 0, 0], [0, 4, 0], [0, 0, 8.0]])
    (tmp_path / "base.obj").write_text("".join(f"v {x} {y} {z}\n" for x, y, z in base.tolist()))
    (tmp_path / "bun.mhclo").write_text(
        "# fits\nbasemesh hm08\nx_scale 0 1 1.0\ny_scale 0 2 2.0\nz_scale 0 3 4.0\nverts 0\n"
        "0 1 2 0.5 0.25 0.25 0.1 0.1 0.1\n3\n0 1 3 0 0 1 0 0 -0.5\ndelete_verts\n0 1 2 0 0 1 0 0 0\n"
    )
    (tmp_path / "bun.obj").write_text("v 9 9 9\nv 9 9 9\nv 9 9 9\nvt 0.5 0.5\nf 1/1 2/1 3/1\n")
    expected = [[0.5 + 0.2, 1 + 0.2, 0.2], [0, 0, 8], [0, 0, 7]]
    np.testing.assert_allclose(fitted(tmp_path / "bun.mhclo", base), expected)
    (tmp_path / "out").mkdir()
    fit_hair(tmp_path, tmp_path / "out")
    hair = read_obj(tmp_path / "out" / "bun.obj")
    np.testing.assert_allclose(hair.vertices, expected, atol=1e-5)
    assert hair.faces.tolist() == [[0, 1, 2, -1]]


def test_a_broken_fitting_file_is_named(tmp_path: Path):
    (tmp_path / "bun.mhclo").write_text("verts 0\n0 1 99 0.5 0.25 0.25 0 0 0\n")
    with pytest.raises(InputError, match=r"bun.mhclo is not a fitting file, or it was cut off; fetch it again"):
        fitted(tmp_path / "bun.mhclo", np.zeros((3, 3)))


def test_a_fingerprint_forgives_rounding_and_nothing_else(rng: np.random.Generator):
    arrays = {"shape": rng.normal(size=(50, 3)), "faces": np.arange(12).reshape(4, 3)}
    known = json.loads(json.dumps(fingerprint(arrays)))
    assert not differs(arrays, known)
    assert not differs({**arrays, "shape": arrays["shape"].astype(np.float32)}, known)
    assert differs({**arrays, "shape": arrays["shape"][::-1].copy()}, known)
    assert differs({**arrays, "shape": arrays["shape"] * 1.01}, known)
    assert differs({**arrays, "faces": arrays["faces"][::-1].copy()}, known)
    assert differs({"shape": arrays["shape"]}, known)


# --- the command -----------------------------------------------------------------------------------------------------


def test_the_command_lists_everything_and_says_what_is_missing(elsewhere: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["assets"]) == 0
    printed = capsys.readouterr().out
    for name in registry():
        assert name in printed
    assert printed.count("not here") == len(registry())


def test_the_command_checks_files(assets: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["assets", "list", "hair-strands", "hair-meshes", "--check"]) == 0
    assert capsys.readouterr().out.count("checked") == 2


def test_the_command_fetches_with_the_licence_shown(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, web: tuple[Path, str], capsys: pytest.CaptureFixture[str]
):
    serve(web[0], TEXT)
    monkeypatch.setattr(assets_module, "registry", lambda: {"thing": made()})
    monkeypatch.setattr("headfield.cli.assets.registry", lambda: {"thing": made()})
    monkeypatch.setattr("headfield.studio.fetching.HOST", web[1])
    assert main(["assets", "fetch", "thing"]) == 0
    shown = capsys.readouterr()
    assert "CC0-1.0, by someone" in shown.err
    assert Path(shown.out.strip(), "a.txt").read_bytes() == TEXT


def test_the_command_does_not_fetch_beside_a_named_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("HEADFIELD_ASSETS", str(tmp_path))
    assert main(["assets", "fetch", "hair-strands"]) == 2
    assert (
        "HEADFIELD_ASSETS names a folder that is used instead of what is fetched; unset it" in capsys.readouterr().err
    )
