from __future__ import annotations

import json
import subprocess
import sys
import warnings

import pytest

from headfield import __version__
from headfield.cli import COMMANDS, main
from headfield.errors import InputError


def test_without_words_it_lists_the_commands(capsys):
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"  {name} " in text for name in COMMANDS)


def test_it_knows_its_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"headfield {__version__}\n"


def test_an_unknown_command_is_one_sentence(capsys):
    assert main(["reconstuct", "photo.jpg"]) == 2
    assert capsys.readouterr().err == "headfield: there is no command 'reconstuct'; `headfield --help` lists them.\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    assert f"usage: headfield {name}" in capsys.readouterr().out


def test_wrong_input_is_a_sentence_and_wrong_programs_keep_their_trace(monkeypatch, capsys):
    def refuse() -> dict:
        raise InputError("the lens cap is on; take it off.")

    monkeypatch.setattr("headfield.cli.info.collect", refuse)
    assert main(["info"]) == 2
    assert capsys.readouterr().err == "headfield: the lens cap is on; take it off.\n"

    def crash() -> dict:
        raise KeyError("a mistake in the program")

    monkeypatch.setattr("headfield.cli.info.collect", crash)
    with pytest.raises(KeyError):
        main(["info"])


def test_what_the_system_says_of_a_file_is_a_sentence(monkeypatch, capsys):
    def overlong() -> dict:
        raise OSError(36, "File name too long", "an/endless/name")

    monkeypatch.setattr("headfield.cli.info.collect", overlong)
    assert main(["info"]) == 2
    assert (
        capsys.readouterr().err == "headfield: an/endless/name cannot be used (File name too long); check the path.\n"
    )

    def forgotten() -> dict:
        raise FileNotFoundError(2, "No such file or directory", "a file of headfield's own")

    monkeypatch.setattr("headfield.cli.info.collect", forgotten)
    with pytest.raises(FileNotFoundError):
        main(["info"])


def test_a_reader_may_leave():
    with subprocess.Popen(
        [sys.executable, "-m", "headfield", "show", "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as command:
        command.stdout.close()
        assert command.stderr.read() == b""
    assert command.returncode == 141


def test_a_warning_about_what_was_put_in_is_a_sentence(monkeypatch, capsys):
    def warn() -> dict:
        warnings.warn("the lens is dusty.", stacklevel=2)
        raise InputError("the lens cap is on; take it off.")

    monkeypatch.setattr("headfield.cli.info.collect", warn)
    assert main(["info"]) == 2
    assert capsys.readouterr().err == (
        "headfield: warning: the lens is dusty.\nheadfield: the lens cap is on; take it off.\n"
    )


@pytest.mark.parametrize("words", [["info", "--colour"], ["show"], ["show", "set", "--views", "all"]])
def test_options_that_are_none_end_with_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"headfield {words[0]} --help" in shown.err


def test_an_interrupt_says_so(monkeypatch, capsys):
    def interrupt() -> dict:
        raise KeyboardInterrupt

    monkeypatch.setattr("headfield.cli.info.collect", interrupt)
    assert main(["info"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_info_tells_people_and_programs_the_same(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["headfield"] == __version__
    assert main(["info"]) == 0
    table = capsys.readouterr().out
    for name, found in {**facts["core"], **facts["optional"]}.items():
        assert name in table
        assert (found or "not installed") in table


def test_importing_and_asking_for_help_loads_nothing_heavy():
    program = (
        "import sys, headfield, headfield.cli; headfield.cli.main(['--help']);"
        "heavy = {'torch', 'numpy', 'scipy', 'skimage', 'PIL', 'tyro', 'rich'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_the_public_names_are_there():
    import headfield

    assert dir(headfield) == headfield.__all__
    for name in headfield.__all__:
        assert getattr(headfield, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        headfield.nothing  # noqa: B018 - asking is the test
