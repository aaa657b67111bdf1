"""No address that a line had is anywhere on a disk: freed blocks and the journal of the file system included.

The installation and all temporary files lie on an ext4 file system of their own. Sessions come, change and
go while roles are killed; then the whole image is searched, not its files alone. It takes root and a loop
device.
"""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.deployment import soon
from tests.e2e.test_no_address_kept import LINES, POOLS, Caller, Evening, Search, _mac, _run, search_of
from tests.worlds.measured import noted
from tests.worlds.session_site import SessionSite, session_site

pytestmark = pytest.mark.ring("night")

SECONDS = 25.0
SIZE = 160 << 20
FORGOTTEN = "10.200.201.202"
"""stands in a file that is deleted: so the search is seen to look into freed blocks"""


@contextlib.contextmanager
def image(folder: Path) -> Iterator[tuple[Path, Path]]:
    """The image and where it is mounted; afterwards it is not mounted."""
    programs = ("mkfs.ext4", "mount", "umount", "losetup")
    if os.geteuid() != 0 or not all(map(shutil.which, programs)):
        pytest.skip(f"takes root, and {', '.join(programs)}")
    disk, mounted = folder / "disk.img", folder / "disk"
    mounted.mkdir()
    with disk.open("wb") as file:
        file.truncate(SIZE)
    subprocess.run(["mkfs.ext4", "-q", "-F", disk], check=True)
    if subprocess.run(["mount", "-o", "loop", disk, mounted], check=False).returncode:
        pytest.skip("no loop device here")
    try:
        yield disk, mounted
    finally:
        subprocess.run(["umount", mounted], check=False)


def _devices(disk: Path) -> str:
    command = ["losetup", "--associated", str(disk)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_no_past_address_is_anywhere_on_the_disk(tmp_path: Path) -> None:
    marked = secrets.token_hex(6)
    callers = [Caller(f"c{marked}{number:02}", _mac(), registered=number % 3 != 0) for number in range(LINES)]
    evening = Evening(callers, random.Random(20261127))
    with image(tmp_path) as (disk, mounted):
        (mounted / "deleted").write_text(f"{FORGOTTEN}\n" * 300_000)  # some blocks are used again
        os.sync()
        (mounted / "deleted").unlink()
        (mounted / "tmp").mkdir()

        def prepare(site: SessionSite) -> None:
            for each in callers:
                if each.registered:
                    site.add(each.user)
            site.filterd.environment["TMPDIR"] = str(mounted / "tmp")

        with session_site(mounted / "site", prepare=prepare, accounting={"pools": POOLS}) as site:
            _run(site, evening, SECONDS)
        subprocess.run(["umount", mounted], check=True)
        assert soon(lambda: not _devices(disk)), "the loop device writes for a while after the unmounting"
        raw = disk.read_bytes()
    past = evening.past - evening.present
    found = Search(past).found_in(raw) | search_of(evening).found_in(raw)
    noted(
        f"{evening.packets} packets of sessions: {len(past)} past addresses searched for in an ext4 image of"
        f" {len(raw) >> 20} MiB, freed blocks included: {len(found)} found"
    )
    assert Search([FORGOTTEN]).found_in(raw), "the search does not see freed blocks"
    assert {each for each, _ in Search(evening.present).found_in(raw)}, "the search would find nothing at all"
    assert found == set()
