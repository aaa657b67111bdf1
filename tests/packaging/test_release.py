"""``make release`` on a small tree: the three files that it writes, and what it refuses before it writes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "packaging/release.py"
OLDER = (
    "filterd (0.2.0) trixie; urgency=medium\n\n  * Release.\n\n"
    " -- A B <a@b.example>  Mon, 02 Nov 2026 00:00:00 +0000\n"
)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree at 0.2.0 with three fragments and a section of an earlier release."""
    for name, text in {
        "filterd/__init__.py": '__version__ = "0.2.0"\n',
        "docs/changelog.d/cli-json.md": "Commands take `--json`.\n",
        "docs/changelog.d/dns-cookies.md": "Cookies are\nanswered.\n\nOld ones too.\n",
        "docs/changelog.d/unheard-of.md": "Something else: [all](../cli.md).\n",
        "docs/changelog.md": "# Changes\n\nAn introduction.\n\n## 0.2.0, 2026-11-02\n\n- First.\n",
        "packaging/debian/changelog": OLDER,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def release(tree: Path, version: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), version, "--date", "2026-12-01", "--root", str(tree)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def contents(tree: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in tree.rglob("*") if path.is_file()}


def test_fragments_become_a_section_above_the_earlier_ones(tree: Path) -> None:
    done = release(tree, "0.3.0")
    assert done.returncode == 0, done.stderr
    text = (tree / "docs/changelog.md").read_text()
    assert re.findall(r"(?m)^##+ (.*)$", text) == [
        "0.3.0, 2026-12-01",
        "Commands and configuration",
        "DNS",
        "Other changes",
        "0.2.0, 2026-11-02",
    ]
    assert "- Cookies are answered.\n\n  Old ones too.\n" in text
    assert "- Something else: [all](cli.md).\n" in text
    assert list((tree / "docs/changelog.d").glob("*.md")) == []


def test_the_version_and_the_debian_changelog_follow(tree: Path) -> None:
    assert release(tree, "0.3.0").returncode == 0
    assert (tree / "filterd/__init__.py").read_text() == '__version__ = "0.3.0"\n'
    debian = (tree / "packaging/debian/changelog").read_text()
    assert debian.startswith("filterd (0.3.0) trixie; urgency=medium\n")
    assert "  Tue, 01 Dec 2026 00:00:00 +0000\n" in debian
    assert debian.endswith(f"\n{OLDER}")


@pytest.mark.parametrize("version", ["0.2.0", "0.1.9", "0.3", "0.3.0rc1"])
def test_a_release_that_cannot_be_changes_nothing(tree: Path, version: str) -> None:
    before = contents(tree)
    done = release(tree, version)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("release: ")
    assert contents(tree) == before


def test_without_fragments_there_is_nothing_to_release(tree: Path) -> None:
    for path in (tree / "docs/changelog.d").glob("*.md"):
        path.unlink()
    done = release(tree, "0.3.0")
    assert (done.returncode, "nothing to release" in done.stderr) == (1, True)
