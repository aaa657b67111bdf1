"""The Debian package: its content, and its life on a Debian root without systemd: unpacked halfway, a full
disk, older and newer versions, removal and purge. tests/machine tries it on a booted system, under load.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import filterd
from filterd.store.schema import KNOWN
from tests.worlds import machine_root
from tests.worlds.machine_package import next_version, package, version_of

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.timeout(900), pytest.mark.system("dpkg-deb")]
TOOLS = {"pip", "setuptools", "pytest", "mypy", "ruff", "Cython", "hypothesis", "cyclonedx_py"}
SITE = "usr/lib/filterd/package/lib/python3.13/site-packages"
CONFIGURATION = "/etc/filterd/filterd.yaml"
STATE = "/var/lib/filterd"
HOLDER = """
set -e
mount -t tmpfs -o size=900m tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mkdir "$1/root/packages"
mount --bind "$3" "$1/root/packages"
echo ready
cat
"""
"""mounts that nobody else sees, and that end with the shell that made them"""


@pytest.fixture(scope="module")
def built() -> Path:
    return package()


@pytest.fixture(scope="module")
def unpacked(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--extract", str(built), str(folder)], check=True)
    return folder


@dataclass
class Root:
    """A Debian root on a small disk of its own, of which nothing stays."""

    holder: subprocess.Popen[str]
    folder: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the root; standard error goes with the output."""
        words = [
            "nsenter",
            "--mount",
            f"--target={self.holder.pid}",
            "chroot",
            f"{self.folder}/root",
            *command,
        ]
        environment = {"PATH": os.environ["PATH"], "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root"}
        return subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def out(self, *command: str) -> str:
        """The output of a command that must succeed."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}"
        return done.stdout

    def status(self) -> str:
        """The package's state in dpkg's own two letters, and its version; empty: it is not known."""
        return self.run("dpkg-query", "-W", "-f", "${db:Status-Abbrev} ${Version}", "filterd").stdout.strip()


@pytest.fixture(scope="module")
def packages(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with this version, the next one, and the beginning of one that knows the first schema only."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "this.deb").write_bytes(built.read_bytes())
    next_version(built, folder).rename(folder / "next.deb")
    control = folder / "older/DEBIAN"
    control.parent.mkdir()
    subprocess.run(["dpkg-deb", "--control", str(built), str(control)], check=True)
    for path in control.iterdir():
        if path.name not in {"control", "preinst"}:
            path.unlink()
    preinst = control / "preinst"
    text = preinst.read_text()
    assert " ".join(KNOWN) in text
    preinst.write_text(text.replace(" ".join(KNOWN), KNOWN[0]))
    (control / "control").write_text(
        re.sub(r"(?m)^Version: .*$", "Version: 0.0.1", (control / "control").read_text())
    )
    command = ["dpkg-deb", "--build", str(folder / "older"), str(folder / "older.deb")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.fixture
def root(packages: Path, tmp_path: Path) -> Iterator[Root]:
    """A fresh root in which nothing is installed yet."""
    if os.geteuid() != 0:
        pytest.skip("a Debian root of its own takes root")
    if reason := machine_root.missing():
        pytest.skip(reason)
    command = ["unshare", "--mount", "--propagation=private", "sh", "-c", HOLDER, "holder"]
    words = [str(tmp_path), str(machine_root.debian_root()), str(packages)]
    with subprocess.Popen(
        [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "ready\n"
        yield Root(holder, tmp_path)
        holder.stdin.close()


def prepared(root: Root) -> None:
    """Install this version, with a store."""
    root.out("dpkg", "--install", "/packages/this.deb")
    root.out("runuser", "-u", "filterd", "--", "filterd", "store", "migrate")


def next_of(built: Path) -> str:
    first, _, last = version_of(built).rpartition(".")
    return f"{first}.{int(last) + 1}"


def test_it_holds_what_runs_and_no_tool(unpacked: Path) -> None:
    names = {path.name for path in (unpacked / SITE).iterdir()}
    assert {"filterd", "sqlalchemy", "pydantic_core"} <= names
    assert {name for name in names if name.split("-")[0] in TOOLS} == set()
    for source in (ROOT / "filterd").rglob("*.py"):
        assert (unpacked / SITE / source.relative_to(ROOT)).read_bytes() == source.read_bytes()
    modules = {path.relative_to(ROOT).with_suffix("") for path in (ROOT / "filterd").rglob("*.pyx")}
    found = {path.relative_to(unpacked / SITE) for path in (unpacked / SITE / "filterd").rglob("*.so")}
    assert {path.with_name(path.name.split(".")[0]) for path in found} == modules


def test_no_file_names_the_place_where_it_was_built(unpacked: Path) -> None:
    place = str(ROOT).encode()
    files = [path for path in unpacked.rglob("*") if path.is_file() and not path.is_symlink()]
    assert [str(path) for path in files if place in path.read_bytes()] == []


def test_policies_pages_completions_and_texts(unpacked: Path) -> None:
    shipped = {str(path.relative_to(ROOT)) for path in (ROOT / "policies").rglob("*") if path.is_file()}
    share = unpacked / "usr/share"
    assert {
        str(path.relative_to(share / "filterd")) for path in share.rglob("filterd/policies/**/*")
    } >= shipped
    for name in (
        "man/man1/filterd.1.gz",
        "man/man1/filterd-session.1.gz",
        "man/man1/filterd-subscriber.1.gz",
        "man/man5/filterd.yaml.5.gz",
        "bash-completion/completions/filterd",
        "zsh/vendor-completions/_filterd",
        "fish/vendor_completions.d/filterd.fish",
        "doc/filterd/examples/filterd.yaml",
        "filterd/kea/filterd-kea-lease",
        "filterd/kea/filterd-kea.service",
        "filterd/kea/filterd-kea.socket",
    ):
        assert (share / name).stat().st_size > 0
    assert os.access(share / "filterd/kea/filterd-kea-lease", os.X_OK)
    assert not (unpacked / "etc/filterd/filterd.yaml").exists()


def test_the_bill_of_materials_names_every_library_with_its_licence(unpacked: Path) -> None:
    bill = json.loads((unpacked / "usr/share/doc/filterd/sbom.cdx.json").read_text())
    assert bill["metadata"]["component"]["version"] == filterd.__version__
    listed = {(re.sub("[._]", "-", each["name"].lower()), each["version"]) for each in bill["components"]}
    pins = re.findall(r"(?m)^([a-z0-9-]+)==([^ ;]+)", (ROOT / "requirements-runtime.lock").read_text())
    assert listed == set(pins)
    without = [each["name"] for each in bill["components"] if not each.get("licenses")]
    assert without == ["dnslib"], "it says BSD and not which one; the text is in its .dist-info"


@pytest.mark.system("lintian")
def test_lintian_finds_nothing(built: Path) -> None:
    command = ["lintian", "--allow-root", "--fail-on=error,warning", str(built)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_first_installation_says_what_to_do_and_makes_the_configuration(root: Root) -> None:
    said = root.out("dpkg", "--install", "/packages/this.deb")
    assert "Nothing listens yet" in said
    assert "systemctl start filterd.target" in said
    assert root.out("stat", "-c", "%U:%G %a", CONFIGURATION) == "root:filterd 640\n"
    assert root.out("stat", "-c", "%U:%G %a", STATE) == "filterd:filterd 700\n"
    assert filterd.__version__ in root.out("filterd", "--version")
    assert "SYNOPSIS" in root.out("man", "--pager=cat", "filterd")


def test_what_runs_keeps_its_code_until_the_package_is_configured(root: Root, built: Path) -> None:
    prepared(root)
    home = f"/usr/lib/filterd/{filterd.__version__}"
    code = f"{home}/{SITE.removeprefix('usr/lib/filterd/package/')}/filterd/__init__.py"
    before = root.out("cat", code)
    root.out("dpkg", "--unpack", "/packages/next.deb")
    assert root.status() == f"iU  {next_of(built)}"
    assert filterd.__version__ in root.out("filterd", "--version")
    assert root.out("cat", code) == before
    root.out("dpkg", "--configure", "--pending")
    assert next_of(built) in root.out("filterd", "--version")
    assert root.out("cat", code) == before
    assert root.out("readlink", "/usr/lib/filterd/current") == f"{next_of(built)}\n"
    root.out("dpkg", "--install", "/packages/this.deb")
    assert filterd.__version__ in root.out("filterd", "--version")


def test_an_upgrade_touches_no_configuration(root: Root) -> None:
    prepared(root)
    before = root.out("cat", CONFIGURATION)
    root.out("dpkg", "--install", "/packages/next.deb")
    assert root.out("cat", CONFIGURATION) == before
    assert root.run("sh", "-c", "ls /etc/filterd | grep dpkg").stdout == ""


def test_a_full_disk_leaves_the_version_in_force_and_the_next_try_goes_on(root: Root, built: Path) -> None:
    prepared(root)
    root.run("sh", "-c", "cat /dev/zero > /fill")
    assert "No space left" in root.run("dpkg", "--install", "/packages/next.deb").stdout
    assert filterd.__version__ in root.out("filterd", "--version")
    root.out("rm", "/fill")
    root.out("dpkg", "--install", "/packages/next.deb")
    assert root.status() == f"ii  {next_of(built)}"


def test_a_postinst_without_room_says_so_and_goes_on_later(root: Root, built: Path) -> None:
    prepared(root)
    root.out("dpkg", "--unpack", "/packages/next.deb")
    root.out("sh", "-c", "printf '#!/bin/sh\\nexit 1\\n' > /usr/local/bin/cp; chmod +x /usr/local/bin/cp")
    done = root.run("dpkg", "--configure", "--pending")
    assert done.returncode == 1
    assert "dpkg --configure -a" in done.stdout
    assert filterd.__version__ in root.out("filterd", "--version")
    root.out("rm", "/usr/local/bin/cp")
    root.out("dpkg", "--configure", "-a")
    assert next_of(built) in root.out("filterd", "--version")


def test_an_older_version_does_not_come_over_a_newer_store(root: Root) -> None:
    prepared(root)
    done = root.run("dpkg", "--install", "/packages/older.deb")
    assert done.returncode == 1
    assert f"its schema is {KNOWN[-1]}, and this version knows {KNOWN[0]}" in done.stdout
    assert "filterd restore" in done.stdout
    assert root.status() == f"ii  {filterd.__version__}"
    assert filterd.__version__ in root.out("filterd", "--version")
    owners = set(root.out("sh", "-c", f"find {STATE} -printf '%u\\n'").split())
    assert owners == {"filterd"}


def test_a_foreign_owner_below_the_state_is_named(root: Root) -> None:
    prepared(root)
    root.out("chown", "man", f"{STATE}/filterd.db")
    said = root.out("dpkg", "--install", "/packages/next.deb")
    assert f"{STATE}/filterd.db belongs to man, not to filterd" in said


def test_removing_keeps_the_data_and_purging_leaves_nothing(root: Root) -> None:
    prepared(root)
    assert "are kept" in root.out("dpkg", "--remove", "filterd")
    root.out("test", "-f", f"{STATE}/filterd.db")
    root.out("test", "-f", CONFIGURATION)
    assert root.run("ls", "/usr/lib/filterd").returncode != 0
    assert f"deleting {STATE}" in root.out("dpkg", "--purge", "filterd")
    left = "find /etc /usr /var -xdev -name '*filterd*' ! -path '/var/log/*' ! -path '/var/cache/*'"
    assert root.out("sh", "-c", left) == ""
    assert root.run("getent", "passwd", "filterd").stdout == ""
