"""The root of a Debian 13 for machines that tests boot: made once, kept outside the tree, never changed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

SUITE = "trixie"
PACKAGES = (
    "adduser", "bash-completion", "bind9-dnsutils", "curl", "dbus", "init-system-helpers", "iproute2",
    "man-db", "procps", "python3", "sqlite3", "sudo", "systemd", "systemd-sysv",
)  # fmt: skip
"""an operator's machine before filterd: what the package depends on, and what its operator uses"""


def keep() -> Path:
    """The folder for what takes long to make: that of the user, or of the machine for root."""
    given = os.environ.get("XDG_CACHE_HOME")
    return Path(given, "filterd-tests") if given else Path("/var/cache/filterd-tests")


def missing() -> str:
    """The reason why there is no root and none can be made; empty: there is none."""
    if root_path().is_dir() or shutil.which("mmdebstrap") is not None:
        return ""
    return "a Debian root takes mmdebstrap: apt-get install mmdebstrap"


def root_path() -> Path:
    """The place of the root: another list of packages has another."""
    digest = hashlib.sha256(" ".join((SUITE, *PACKAGES)).encode()).hexdigest()[:12]
    return keep() / f"{SUITE}-{digest}"


def debian_root() -> Path:
    """The root; made from the archives that the machine itself uses, where it is not there yet (a minute)."""
    root = root_path()
    root.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{root}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            _make(root)
    return root


def _make(root: Path) -> None:
    draft = Path(f"{root}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    command = ["mmdebstrap", "--quiet", "--variant=apt", f"--include={','.join(PACKAGES)}", SUITE, str(draft)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"no Debian root:\n{done.stderr[-4000:]}"
    # Names of its own; and no wait at the first boot for what a person would be asked.
    for name in ("etc/machine-id", "etc/hostname", "etc/resolv.conf"):
        (draft / name).unlink(missing_ok=True)
    (draft / "etc/machine-id").write_text("uninitialized\n")
    draft.rename(root)
