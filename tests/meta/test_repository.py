"""Rules for the repository's contents."""

from __future__ import annotations

import re
from pathlib import Path

HOSTS = (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("debian", "org"), ("crates", "io"))
REGISTRIES = re.compile("|".join(rf"\b{name}\.{top}\b" for name, top in HOSTS), re.IGNORECASE)
"""hosts that belong in a machine's own configuration and never in this repository"""
SILENCED = re.compile(r"# *(ruff: *)?noqa|# *type: *ignore|# *no-cython-lint")
REASON = re.compile(r"(noqa: [A-Z0-9, ]+ - |ignore\[[a-z-]+\]  # )\w+ \w+")
FORBIDDEN_WORDS = re.compile(r"\b(black|white)list", re.IGNORECASE)


def texts(tracked: list[Path]) -> dict[Path, str]:
    """The tracked files that are text."""
    found = {}
    for path in tracked:
        try:
            found[path] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    return found


def test_no_registry_host(root: Path, tracked: list[Path]) -> None:
    assert [
        str(path.relative_to(root)) for path, text in texts(tracked).items() if REGISTRIES.search(text)
    ] == []


def test_no_conflict_of_a_merge_is_left(root: Path, tracked: list[Path]) -> None:
    marks = ("<" * 7 + " ", ">" * 7 + " ")
    assert [
        str(path.relative_to(root))
        for path, text in texts(tracked).items()
        if any(line.startswith(marks) for line in text.splitlines())
    ] == []


def test_words_that_are_not_used(root: Path, tracked: list[Path]) -> None:
    code = {path: text for path, text in texts(tracked).items() if root / "filterd" in path.parents}
    assert [str(path.relative_to(root)) for path, text in code.items() if FORBIDDEN_WORDS.search(text)] == []


def test_no_module_is_named_for_nothing(root: Path, tracked: list[Path]) -> None:
    empty_words = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "data", "info"}
    assert [
        str(path.relative_to(root)) for path in tracked if path.suffix == ".py" and path.stem in empty_words
    ] == []


def test_whoever_silences_a_check_says_why(tracked: list[Path]) -> None:
    silent = [
        f"{path.name}:{number}: {line.strip()}"
        for path, text in texts(tracked).items()
        if path.suffix in {".py", ".pyi", ".pyx", ".pxd"}
        for number, line in enumerate(text.splitlines(), 1)
        if SILENCED.search(line) and not REASON.search(line)
    ]
    assert silent == []


def test_the_lock_is_a_requirements_file_with_hashes(root: Path) -> None:
    lines = (root / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if re.match(r"[a-z0-9]", line)]
    assert pins
    assert all("==" in line for line in pins)
    assert not any(
        line.strip().startswith(("--index-url", "--extra-index-url", "--find-links")) for line in lines
    )
    for pin, following in zip(pins, (lines[lines.index(pin) + 1] for pin in pins), strict=True):
        assert following.strip().startswith("--hash=sha256:"), pin


def test_changelog_fragments(root: Path) -> None:
    fragments = sorted((root / "docs/changelog.d").glob("*.md"))
    assert fragments or "\n## " in (root / "docs/changelog.md").read_text(), "neither fragment nor release"
    for fragment in fragments:
        text = fragment.read_text().strip()
        assert 20 <= len(text) <= 600, f"{fragment.name}: one or two sentences for the operator"
