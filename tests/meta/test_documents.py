"""The documents say what the program does: generated pages are fresh, links lead on, examples are real."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from functools import cache
from pathlib import Path

import click
import pytest
import yaml

from filterd.dataplane.packet.pipeline import PIPELINE
from tests.meta.generated import DOCUMENTS
from tests.meta.layers import read
from tests.worlds.markdown import too_long, wrapped

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"`filterd ([^`]+)`")
ADVISED = re.compile(r"(?<![\w./-])filterd ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)(?![a-z0-9-])")
NO_COMMANDS = {"report record", "key of the digests of confidential lists"}
"""words of the program behind its name that are the name of a format, or the label of a key"""
MODULE = re.compile(r"`((?:[a-z0-9_]+/)+[a-z0-9_]+(?:\.(?:py|pyx|pxd|pyi|md|c))?|\w+\.(?:py|pyx|pxd))`")
NEVER_THERE = {"setup.py"}
"""files of which documents say that there is none"""
ANCHOR = re.compile(r"\[[^\]]*\]\(([^)#\s:]*)#([^)\s]+)\)")
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


def blocks(language: str) -> list[tuple[Path, str]]:
    """The code blocks of all pages in one language."""
    return [
        (page, text) for page in PAGES for kind, text in BLOCK.findall(page.read_text()) if kind == language
    ]


def lines(starts: str) -> list[tuple[Path, str]]:
    """The lines of shell examples that begin with a command, continuation lines joined."""
    found = []
    for page, text in blocks("sh"):
        joined = text.replace("\\\n", " ").splitlines()
        found += [(page, line.split(" #")[0]) for line in joined if line.startswith(starts + " ")]
    return found


PICTURE = "docs/pictures/check.svg"
"""takes a running installation"""


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=pytest.mark.ring("merge")) if each == PICTURE else each for each in DOCUMENTS],
)
def test_generated_pages_are_fresh(name: str) -> None:
    text = DOCUMENTS[name]()
    page = ROOT / name
    if os.environ.get("UPDATE_DOCS"):
        page.write_text(text)
    assert page.is_file(), f"{name} is missing: UPDATE_DOCS=1 make test PYTEST=tests/meta"
    assert page.read_text() == text, f"{name} is stale: UPDATE_DOCS=1 make test PYTEST=tests/meta"


def test_links_lead_somewhere() -> None:
    links = [
        (page, target) for page in PAGES for target in LINK.findall(page.read_text()) if "://" not in target
    ]
    assert len(links) > 1000
    assert [f"{page}: {to}" for page, to in links if not (page.parent / to).exists()] == []


def slug(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings; code blocks have none."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return {slug(heading) for heading in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}


def test_links_to_a_heading_find_it() -> None:
    links = [
        (page, (page.parent / path).resolve() if path else page, anchor)
        for page in PAGES
        for path, anchor in ANCHOR.findall(page.read_text())
    ]
    there = {target: anchors(target) for _, target, _ in links if target.suffix == ".md" and target.is_file()}
    assert len(there) > 20
    lost = [
        f"{page}: {to.name}#{anchor}" for page, to, anchor in links if anchor not in there.get(to, {anchor})
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("When the resolver is stuck", "when-the-resolver-is-stuck"),
        ("Tuesday: the way there", "tuesday-the-way-there"),
        ("Commands: `who` acts", "commands-who-acts"),
        ("Qué hace, y cómo", "qué-hace-y-cómo"),
    ],
)
def test_anchors_are_those_of_the_headings(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor


def test_shell_examples_are_shell() -> None:
    for page, text in blocks("sh"):
        done = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{page.name}: {done.stderr}"


def test_every_page_is_reachable_from_the_readme() -> None:
    seen, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop().resolve()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        queue += [page.parent / target for target in LINK.findall(page.read_text()) if "://" not in target]
    fragments = {page for page in PAGES if page.parent.name == "changelog.d"}
    assert {page.resolve() for page in PAGES} - seen - fragments == set()


def test_every_command_in_the_documents_exists() -> None:
    from filterd.cli.main import main

    shown = lines("filterd")
    assert shown
    for page, line in shown:
        command: click.Command = main
        words = shlex.split(line)[1:]
        while isinstance(command, click.Group) and words:
            found = command.get_command(click.Context(command), words[0])
            assert found is not None, f"{page.name}: {line}"
            command, words = found, words[1:]
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        used = {word.split("=")[0] for word in words if word.startswith("--")}
        assert used <= known, f"{page.name}: {line}"


def test_every_command_named_in_a_sentence_exists() -> None:
    """Of the present pages: those of releases and decisions tell of their day."""
    from filterd.cli.main import main

    pages = [page for page in PAGES if not {"changelog.md", "changelog.d", "decisions"} & set(page.parts)]
    spans = [(page.name, text) for page in pages for text in COMMAND.findall(page.read_text())]
    assert len(spans) > 100
    for name, text in spans:
        command: click.Command = main
        words = text.split()
        while isinstance(command, click.Group) and words and words != ["…"]:
            found = command.get_command(click.Context(command), words.pop(0))
            assert found is not None, f"{name}: filterd {text}"
            command = found


def test_every_command_that_the_program_advises_exists() -> None:
    from filterd.cli.main import main

    files = [each for kind in ("py", "toml", "po") for each in (ROOT / "filterd").rglob(f"*.{kind}")]
    advised = [(each.name, text) for each in files for text in ADVISED.findall(each.read_text())]
    assert len(advised) > 500
    for name, text in advised:
        command: click.Command = main
        words = text.split()
        while isinstance(command, click.Group) and words:
            found = command.get_command(click.Context(command), words.pop(0))
            if found is None and command is main:
                break  # a sentence about the program
            assert found is not None or text in NO_COMMANDS, f"{name}: filterd {text}"
            command = found or click.Command("none")


def test_every_make_target_in_the_documents_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page, line in lines("make"):
        word = line.split()[1]
        assert word in targets, f"{page.name}: {line}"


def test_every_configuration_example_loads(tmp_path: Path) -> None:
    from filterd.config.load import from_value

    for _, text in blocks("yaml"):
        value = yaml.safe_load(text)
        if isinstance(value, dict) and not text.startswith(
            ("# profiles/", "# protected.yaml", "# plan.yaml")
        ):
            value.setdefault("dns", {}).setdefault("upstreams", ["192.0.2.53"])
            from_value(value, base=tmp_path)


def test_every_test_in_the_documents_exists() -> None:
    for page, line in lines("make test"):
        for word in re.findall(r"tests/[\w/]+", line):
            assert (ROOT / word).exists(), f"{page.name}: {line}"


def homes() -> list[Path]:
    """The folders from which documents name files: the top, the package, its data plane."""
    return [ROOT, ROOT / "filterd", ROOT / "filterd/dataplane"]


@cache
def stands_somewhere(name: str) -> bool:
    """Return whether a file, module or folder of this name is there, with or without its ending."""
    if "/" not in name:
        return any(next((ROOT / top).rglob(name), None) for top in ("filterd", "tests", "benchmarks"))
    paths = [home / name for home in homes()]
    return any(
        path.exists() or any(path.with_name(path.name + kind).is_file() for kind in (".py", ".pyx", ".pxd"))
        for path in paths
    )


@cache
def folders_of_homes() -> set[str]:
    """The names of the folders in :func:`homes`, but for what a build makes."""
    return {path.name for home in homes() for path in home.iterdir() if path.is_dir()} - {"build"}


def modules_named(text: str) -> list[str]:
    """The files of this repository that a text names: by a folder of it, or by the ending of a source."""
    folders = folders_of_homes()
    found = [name for name in MODULE.findall(text) if "/" not in name or name.partition("/")[0] in folders]
    return [name for name in found if name not in NEVER_THERE]


def test_files_have_the_names_that_documents_give_them() -> None:
    named = [(page, name) for page in PAGES for name in modules_named(page.read_text())]
    assert len(named) > 100
    assert [f"{page}: {name}" for page, name in named if not stands_somewhere(name)] == []


@pytest.mark.parametrize(
    ("text", "named", "there"),
    [
        ("`dataplane/fast/thread`", 1, True),
        ("`fast/thread.pyx`", 1, True),
        ("`filterd/dataplane/lane`", 1, False),
        ("`nowhere.pyx`", 1, False),
        ("`wire/`, `node/mandatory.log`, `build/native.log`", 0, False),
    ],
)
def test_the_look_for_names_sees_what_it_should(text: str, named: int, there: bool) -> None:
    found = modules_named(text)
    assert len(found) == named
    assert any(stands_somewhere(name) for name in found) is there


def test_every_native_module_stands_in_its_document() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    modules = [each["name"].rpartition(".")[2] for each in settings["tool"]["setuptools"]["ext-modules"]]
    assert modules
    text = (ROOT / "docs/native-code.md").read_text()
    assert [name for name in modules if f"`{name}`" not in text] == []


def test_every_package_and_wing_stands_in_the_architecture() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE)
    tree = read()
    there = [name for layers in tree.layers.values() for layer in layers for name in layer]
    assert sorted(rows) == sorted(name.rpartition(".")[2] for name in there)


def test_the_life_of_a_query_goes_through_the_stages_in_their_order() -> None:
    table = (ROOT / "docs/life-of-a-query.md").read_text().partition("\n## ")[0]
    told = re.findall(r"^\| ([a-z ]+) \| .+ \| .+ \|$", table, re.MULTILINE)
    assert told[1:] == [step.stage.value for step in PIPELINE]


def tasks() -> dict[str, list[str]]:
    """Task -> the files and folders to open, as docs/contributing.md tells."""
    text = (ROOT / "docs/contributing.md").read_text()
    section = text.partition("## Where to change what\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([a-z].+?) \| (.+) \|$", section, re.MULTILINE)
    return {task: re.findall(r"`([^`]+)`", files) for task, files in rows if task != "task"}


def test_where_to_change_what_names_files_that_are_there() -> None:
    told = tasks()
    assert len(told) >= 10
    assert [task for task, files in told.items() if not files] == []
    named = [name for files in told.values() for name in files]
    assert [name for name in named if not any((home / name).exists() for home in homes())] == []


def test_the_glossary_is_sorted_and_explains_words_that_are_used() -> None:
    page = ROOT / "docs/glossary.md"
    rows = re.findall(r"^\| (.+?) \| .+ \|$", page.read_text(), re.MULTILINE)
    words = [word for word in rows if word not in ("word", "---")]
    assert words
    assert words == sorted(set(words), key=str.casefold)
    kinds = {".py", ".pyx", ".pxd", ".pyi", ".yaml"}
    sources = [path for path in (ROOT / "filterd").rglob("*") if path.suffix in kinds]
    sources += [*(ROOT / "tests").glob("*/*.py"), *(each for each in PAGES if each != page)]
    used = re.sub(r"[_\s-]+", " ", "\n".join(path.read_text() for path in sources).lower())
    spoken = [re.sub(r"[_-]", " ", word.lower()) for word in words]
    assert [word for word in spoken if word not in used and word.replace(" ", "") not in used] == []


def test_lines_have_at_most_100_characters(tracked: list[Path]) -> None:
    pages = [path for path in tracked if path.suffix == ".md"]
    assert set(PAGES) <= set(pages)
    for page in pages if os.environ.get("UPDATE_DOCS") else ():
        page.write_text(wrapped(page.read_text()))
    assert [f"{page}:{number}" for page in pages for number, _ in too_long(page.read_text())] == []
