"""Behind sudo, filterd takes root's configuration and what the person could read without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from filterd.cli import sudo
from filterd.cli.failure import Misconfigured
from filterd.cli.main import main
from tests.unit.cli.conftest import Run

ANA, FILTERD = 54321, 54322
"""uids that no account has: an operator's and, where files are judged, that of filterd"""

ORDER = ("--authority", "A", "--official", "O", "--document", "D", "--ground", "G", "--reason", "R")

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of other users take root")


@pytest.fixture
def ana(monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind sudo by an operator."""
    monkeypatch.setenv("SUDO_UID", str(ANA))


def parse(file: Path, config: Path) -> Result:
    return CliRunner().invoke(
        main, ["feed", "parse", str(file), "--format", "domains", "--config", str(config)]
    )


@pytest.mark.parametrize(
    ("said", "found"), [(None, None), ("0", None), ("54321", ANA), ("", -1), ("٣", -1), ("-5", -1)]
)
def test_who_called(said: str | None, found: int | None) -> None:
    assert sudo.caller({} if said is None else {"SUDO_UID": said}) == found
    assert sudo.caller({"SUDO_UID": str(os.geteuid())}) is None


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("words", [["snapshot", "build"], ["config", "show"], ["order", "list"], ["doctor"]])
@pytest.mark.parametrize("how", ["option", "environment", "link"])
def test_a_configuration_of_ones_own_is_refused(
    installation: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], how: str
) -> None:
    os.chown(installation, ANA, -1)
    given = installation
    if how == "link":
        given = installation.with_name("link.yaml")
        given.symlink_to(installation)
    if how == "environment":
        monkeypatch.setenv("FILTERD_CONFIG", str(given))
    else:
        words = [*words, "--config", str(given)]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2, result.output
    assert f"{given} is not taken behind sudo: {installation} belongs to uid {ANA}" in result.stderr
    assert "what to do: leave --config and FILTERD_CONFIG away" in result.stderr
    assert not list(installation.parent.glob("state/snapshots/*.snapshot"))


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_a_configuration_that_others_may_write_is_refused(installation: Path, run: Run, mode: int) -> None:
    installation.chmod(mode)
    result = run("config", "show")
    assert (result.exit_code, f"may write {installation}" in result.stderr) == (2, True)


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("mode", [0o775, 0o757, 0o1777])
def test_a_configuration_that_others_may_exchange_is_refused(installation: Path, run: Run, mode: int) -> None:
    installation.parent.chmod(mode)
    result = run("config", "show")
    assert (result.exit_code, f"may write {installation.parent}" in result.stderr) == (2, True)


@pytest.mark.usefixtures("ana")
def test_roots_configuration_is_read_without_its_links(installation: Path, run: Run, tmp_path: Path) -> None:
    assert run("config", "show").exit_code == 0
    link = tmp_path / "link.yaml"
    link.symlink_to(installation)
    os.chown(link, ANA, -1, follow_symlinks=False)
    assert sudo.configuration(link) == installation.resolve()
    assert run("config", "show").exit_code == 0


@pytest.mark.usefixtures("ana")
def test_a_configuration_that_is_not_there_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="cannot be read"):
        sudo.configuration(tmp_path / "none.yaml")
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(Misconfigured, match="cannot be read"):
        sudo.configuration(tmp_path / "circle")


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize("role", [[], ["--role", "resolver"], ["--role", "control"]])
def test_no_operator_serves(run: Run, role: list[str]) -> None:
    result = run("serve", *role)
    assert (result.exit_code, "the service is systemd's" in result.stderr) == (2, True)
    assert "systemctl restart filterd-resolver" in result.stderr


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize(
    ("owner", "group", "mode", "read"),
    [
        (0, 0, 0o600, False),
        (FILTERD, FILTERD, 0o600, False),
        (FILTERD, FILTERD, 0o640, False),
        (0, FILTERD, 0o640, False),
        (0, 0, 0o644, True),
        (ANA, ANA, 0o400, True),
        (ANA, ANA, 0o244, False),
    ],
)
def test_a_file_is_read_that_the_person_could_read(
    installation: Path, tmp_path: Path, owner: int, group: int, mode: int, read: bool
) -> None:
    file = tmp_path / "names"
    file.write_text("ordered.test.example\n")
    os.chown(file, owner, group)
    file.chmod(mode)
    result = parse(file, installation)
    assert result.exit_code == (0 if read else 2), result.output
    assert ("ordered" in result.output) is read
    assert ("may not read it; give a file that you could read without sudo" in result.stderr) is not read


@pytest.mark.usefixtures("ana")
@pytest.mark.parametrize(
    "words",
    [
        ["feed", "parse", "FILE", "--format", "domains"],
        ["order", "add", "--file", "FILE", *ORDER],
        ["subscriber", "import", "FILE"],
        ["check", "www.example", "--answer", "FILE"],
    ],
)
def test_every_command_that_reads_a_file_judges_it(run: Run, tmp_path: Path, words: list[str]) -> None:
    secret = tmp_path / "secret"
    secret.write_text("ordered.test.example\n")
    secret.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(secret)
    result = run(*(str(link) if word == "FILE" else word for word in words))
    assert (result.exit_code, "may not read it" in result.stderr) == (2, True), result.output
    assert "ordered" not in result.output


@pytest.mark.usefixtures("ana")
def test_what_was_judged_is_what_is_read(
    installation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that is exchanged after the judgement leads nowhere else."""
    mine, secret, link = tmp_path / "mine", tmp_path / "secret", tmp_path / "link"
    mine.write_text("mine.test.example\n")
    mine.chmod(0o644)
    secret.write_text("ordered.test.example\n")
    secret.chmod(0o600)
    link.symlink_to(mine)
    judge = sudo.require_readable

    def then_exchanged(descriptor: int, shown: str) -> None:
        judge(descriptor, shown)
        link.unlink()
        link.symlink_to(secret)

    monkeypatch.setattr(sudo, "require_readable", then_exchanged)
    result = parse(link, installation)
    assert link.readlink() == secret
    assert (result.exit_code, result.stdout) == (0, "block subtree mine.test.example\n"), result.output


@pytest.mark.usefixtures("ana")
def test_backups_stand_where_nobody_else_can_put_anything(run: Run, tmp_path: Path) -> None:
    place = tmp_path / "backups"
    place.mkdir(mode=0o700)
    assert run("backup", str(place / "one")).exit_code == 0
    os.chown(place, ANA, -1)
    for words in (["backup", str(place / "two")], ["restore", str(place / "one"), "--reason", "R"]):
        result = run(*words)
        assert (result.exit_code, "no place for a backup behind sudo" in result.stderr) == (2, True)
    assert not (place / "two").exists()


def test_root_and_who_needs_no_sudo_are_not_limited(
    installation: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(installation, ANA, -1)
    file = tmp_path / "names"
    file.write_text("a.test.example\n")
    file.chmod(0o600)
    for uid in (None, "0"):
        if uid is not None:
            monkeypatch.setenv("SUDO_UID", uid)
        assert run("config", "show").exit_code == 0
        assert parse(file, installation).exit_code == 0


def test_nobody_looks_into_a_command() -> None:
    """Files of /proc belong to root where a process allows no dumps (proc_pid(5)): here seen by another
    user's process about itself."""
    shown = (
        "import os, resource, sys\n"
        "from filterd.cli import entry, main\n"
        "seen = lambda: os.stat('/proc/self/mem').st_uid\n"
        "main.main = lambda: print(seen(), *resource.getrlimit(resource.RLIMIT_CORE))\n"
        f"os.setresuid({FILTERD}, {FILTERD}, {FILTERD})\n"
        "import ctypes; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)\n"
        "print(seen())\n"
        "entry.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(FILTERD), "0", "0", "0"]
