"""The suite's own promises: one environment, files in any order, and an end to a test that hangs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.worlds import reruns
from tests.worlds.environment import LONGEST_ROOT, MEMORY_ROOT, root_of_run, same_everywhere, short_root
from tests.worlds.order import ordered
from tests.worlds.rings import COMMIT, FOLDERS, MERGE, NIGHT, RINGS, rings_of_text

ROOT = Path(__file__).parents[2]
PLUGINS = tuple(
    f"tests.worlds.{name}"
    for name in ("durations", "environment", "limits", "measured", "order", "rings", "reruns", "system")
)

HANGS = """
import asyncio, threading

async def test_that_awaits(): await asyncio.create_task(waits_in_a_task())

async def waits_in_a_task(): await asyncio.Event().wait()

def test_that_turns():
    while True: pass

def test_that_joins_a_thread():
    gate = threading.Event()
    thread = threading.Thread(target=waits_in_a_thread, args=(gate,))
    thread.start()
    try:
        thread.join()
    finally:
        gate.set()

def waits_in_a_thread(gate):
    gate.wait()

def test_that_ends(): pass
"""

NATIVE_HANG = """
import ctypes

def test_that_keeps_the_interpreter():
    mutex = ctypes.create_string_buffer(64)
    ctypes.PyDLL(None).pthread_mutex_lock(mutex)
    ctypes.PyDLL(None).pthread_mutex_lock(mutex)
"""

MEASURES = """
import pytest
from tests.worlds.measured import measured, noted

def test_time(): measured("a start", 0.25)

@pytest.mark.system("kdig")
def test_client(): pass
"""


BINDS = """
import socket

def test_that_has_a_name_which_is_longer_than_thirty_letters(tmp_path):
    state = tmp_path / "filterd" / "state"
    state.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as bound: bound.bind(str(state / "resolver-command.sock"))
    print("bound below", tmp_path)
"""


PASSES_AT_THE_SECOND_TRY = """
TRIES = []

def test_that_passes_then(tmp_path):
    TRIES.append(tmp_path)
    assert len(set(TRIES)) == 2, "the first of two folders"

def test_that_never_passes(): raise AssertionError("wrong each time")
"""


def run(
    folder: Path, *options: str, root: Path | None = None, within: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """The tests of a folder with this suite's settings, as another process. ``root``: the top of its
    repository; ``within``: the folder to begin in, where no folder of tests is named."""
    plugins = [word for plugin in PLUGINS for word in ("-p", plugin)]
    settings = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={root or folder}", "-p", "no:cacheprovider"]
    if "TMPDIR" not in environment:
        settings.append(f"--basetemp={folder / 'written'}")
    named = [] if within else [str(folder)]
    command = [sys.executable, "-m", "pytest", *plugins, *settings, *options, *named]
    return subprocess.run(
        command,
        cwd=within or ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.ring("merge")
def test_a_test_that_hangs_fails_and_shows_where(tmp_path: Path) -> None:
    (tmp_path / "test_hangs.py").write_text(HANGS)
    done = run(tmp_path, "--timeout=1")
    assert done.returncode == 1
    assert "3 failed, 1 passed" in done.stdout
    for place in ("in waits_in_a_task", "while True: pass", "in waits_in_a_thread"):
        assert place in done.stdout + done.stderr


@pytest.mark.ring("merge")
def test_a_test_of_processes_has_one_rerun_outside_the_ring_commit(tmp_path: Path) -> None:
    for folder in ("e2e", "unit/serve", "concurrency"):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / "test_tries.py").write_text(PASSES_AT_THE_SECOND_TRY)
    done = run(tmp_path, "-n", "2")
    assert done.returncode == 1
    assert "5 failed, 1 passed, 2 rerun" in done.stdout
    shown = done.stdout.partition("rerun test summary info")[2].partition("short test summary info")[0]
    assert "assert len(set(TRIES)) == 2" in shown, "the first failure"
    assert "RERUN tests/e2e/test_tries.py::test_that_passes_then" in done.stdout
    assert "RERUN tests/unit" not in done.stdout
    assert "RERUN tests/concurrency" not in done.stdout


@pytest.mark.ring("merge")
@pytest.mark.parametrize(("files", "code"), [(2, 0), (3, 1)])
def test_three_reruns_fail_a_run(tmp_path: Path, files: int, code: int) -> None:
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    passing = PASSES_AT_THE_SECOND_TRY.partition("def test_that_never")[0]
    for number in range(files):
        (tmp_path / "tests" / "e2e" / f"test_{number}.py").write_text(passing)
    done = run(tmp_path, "-n", "2")
    assert done.returncode == code, done.stdout
    assert f"{files} passed, {files} rerun" in done.stdout
    assert ("3 fail a run" in done.stdout) is bool(code)


@pytest.mark.ring("merge")
def test_a_test_that_changes_the_priority_of_its_process_fails(tmp_path: Path) -> None:
    (tmp_path / "test_nice.py").write_text(
        "import os\n\ndef test_nice(): os.nice(1)\n\ndef test_after_it(): pass\n"
    )
    done = run(tmp_path)
    assert "1 error" in done.stdout, done.stdout
    assert "2 passed" in done.stdout
    assert "it left the process of the tests at another priority" in done.stdout


@pytest.mark.ring("merge")
def test_a_table_of_durations_replaces_nothing_else(tmp_path: Path) -> None:
    other = tmp_path / "test_it.py"
    other.write_text("def test_it(): pass\n")
    for place in (other, tmp_path, Path("/proc/nowhere/table")):
        done = run(tmp_path, f"--durations-file={place}")
        assert done.returncode == pytest.ExitCode.USAGE_ERROR, done.stdout
        assert "INTERNALERROR" not in done.stdout + done.stderr
    assert other.read_text() == "def test_it(): pass\n"


RINGS_OF_A_FILE = """
import pytest

def test_of_its_folder(): pass

@pytest.mark.ring("night")
def test_of_the_night(): pass

@pytest.mark.parametrize("n", [1, pytest.param(2, marks=pytest.mark.ring("merge"))])
def test_of_two_rings(n): pass
"""


@pytest.mark.ring("merge")
@pytest.mark.parametrize("ring", RINGS)
def test_each_test_is_in_one_ring(tmp_path: Path, ring: str) -> None:
    own = {"unit": COMMIT, "e2e": MERGE, "machine": NIGHT}
    for folder in own:
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / "test_marked.py").write_text(RINGS_OF_A_FILE)
        (tmp_path / "tests" / folder / "test_plain.py").write_text("def test_it(): pass\n")
    done = run(tmp_path, "--collect-only", "-q", f"--ring={ring}", within=tmp_path)
    found = {line for line in done.stdout.splitlines() if "::" in line}
    wanted = set()
    for folder, ring_of_folder in own.items():
        rings = {
            "test_marked.py::test_of_its_folder": ring_of_folder,
            "test_marked.py::test_of_the_night": NIGHT,
            "test_marked.py::test_of_two_rings[1]": ring_of_folder,
            "test_marked.py::test_of_two_rings[2]": MERGE,
            "test_plain.py::test_it": ring_of_folder,
        }
        wanted |= {f"tests/{folder}/{test}" for test, its in rings.items() if its == ring}
    assert found == wanted, done.stdout


@pytest.mark.ring("merge")
def test_a_run_takes_a_part_of_a_ring_or_what_it_names(tmp_path: Path) -> None:
    for folder in ("unit/wire", "unit/feed", "e2e"):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / "test_plain.py").write_text("def test_it(): pass\n")
    part = run(tmp_path, "--ring=commit", "--part=tests/unit/wire", "-n", "2", within=tmp_path)
    assert "1 passed" in part.stdout, part.stdout
    named = run(tmp_path / "tests/e2e", "--ring=commit", "-n", "2", root=tmp_path)
    assert "1 passed" in named.stdout, named.stdout


@pytest.mark.ring("merge")
@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_mark_with_another_word_fails_its_test(tmp_path: Path, processes: str) -> None:
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests/unit/test_it.py").write_text(RINGS_OF_A_FILE.replace("night", "nigth"))
    for ring in ("--ring=commit", "-q"):
        done = run(tmp_path, ring, "-n", processes, within=tmp_path)
        assert done.returncode == 1, done.stdout
        assert "mark ring with one of commit, merge, night, not ('nigth',)" in done.stdout


@pytest.mark.ring("merge")
def test_a_part_that_is_not_there_and_one_of_no_ring_are_errors(tmp_path: Path) -> None:
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "tests/unit/test_it.py").write_text("def test_it(): pass\n")
    for words, said in (
        (("--ring=commit", "--part=tests/wire"), "there is no such file or folder"),
        (("--part=tests/unit",), "give --ring too"),
    ):
        done = run(tmp_path, *words, within=tmp_path)
        assert done.returncode == pytest.ExitCode.USAGE_ERROR
        assert said in done.stdout + done.stderr
    nothing = run(tmp_path, "--ring=merge", "--part=./tests/unit/", within=tmp_path)
    assert "it may be in commit or night" in nothing.stdout, nothing.stdout


@pytest.mark.parametrize(
    ("text", "rings"),
    [
        ("", {COMMIT}),
        ('pytestmark = pytest.mark.ring("night")', {NIGHT}),
        ('pytestmark = [pytest.mark.ring("night"), x]\n@pytest.mark.ring("merge")', {NIGHT, MERGE}),
        ('@pytest.mark.ring("night")', {COMMIT, NIGHT}),
        ("@pytest.mark.ring('night')", set(RINGS)),
        ("ring = pytest.mark.ring", set(RINGS)),
        ('@pytest.mark.ring(\n    "night"\n)', set(RINGS)),
        ('@pytest.mark.ring("nigth")', set(RINGS)),
        ("@pytest.mark.ring(NIGHT)", set(RINGS)),
    ],
)
def test_the_text_of_a_file_says_which_rings_its_tests_may_be_in(text: str, rings: set[str]) -> None:
    assert rings_of_text(text, COMMIT) == rings


def test_marks_of_rings_stand_in_the_files_of_their_tests(root: Path) -> None:
    """One that is made elsewhere is not seen in the text of the file, which would be left out of its ring."""
    for path in (root / "tests").rglob("*.py"):
        text = path.read_text()
        if path.name in ("rings.py", "reruns.py", "test_suite.py"):
            continue
        assert "mark.flaky" not in text, f"{path}: mend the test; tests/worlds/reruns.py gives reruns"
        if "mark.ring" not in text:
            continue
        assert path.name.startswith("test_"), f"{path}: put the mark into the file of the test"
        named = re.findall(r"^(\w+)(?:: [^=]+)? = pytest\.mark\.ring", text, re.MULTILINE)
        assert set(named) <= {"pytestmark"}, f"{path}: a mark under a name may be used elsewhere"


def test_every_folder_that_has_a_ring_or_reruns_is_there(root: Path) -> None:
    assert [folder for folder in FOLDERS if not (root / "tests" / folder).is_dir()] == []
    assert [folder for folder in reruns.FOLDERS if not (root / folder).is_dir()] == []


@pytest.mark.ring("merge")
def test_durations_are_written_for_each_test(tmp_path: Path) -> None:
    (tmp_path / "test_times.py").write_text(
        "import subprocess, sys\n\n"
        "def test_here(): sum(range(10))\n\n"
        "def test_process(): subprocess.run([sys.executable, '-c', 'sum(range(4_000_000))'], check=True)\n"
    )
    done = run(tmp_path, f"--durations-file={tmp_path / 'kept' / 'times.tsv'}", "-n", "2")
    assert done.returncode == 0, done.stdout
    rows = [line.split("\t") for line in (tmp_path / "kept/times.tsv").read_text().splitlines()[1:]]
    assert {test: int(processes) for _, _, processes, test in rows} == {
        "test_times.py::test_here": 0,
        "test_times.py::test_process": 1,
    }
    processor = {test: float(seconds) for _, seconds, _, test in rows}
    assert processor["test_times.py::test_process"] > processor["test_times.py::test_here"]
    assert "by kind of test" in done.stdout


@pytest.mark.ring("merge")
def test_native_code_that_keeps_the_interpreter_is_ended(tmp_path: Path) -> None:
    (tmp_path / "test_hang.py").write_text(NATIVE_HANG)
    done = run(tmp_path, "-o", "faulthandler_timeout=2", "--timeout=1")
    assert done.returncode == 1
    assert "in test_that_keeps_the_interpreter" in done.stderr


@pytest.mark.ring("merge")
def test_a_process_that_is_ended_says_which_test_it_was_in(tmp_path: Path) -> None:
    (tmp_path / "test_hang.py").write_text(NATIVE_HANG)
    done = run(tmp_path, "-n", "1", "-o", "faulthandler_timeout=2")
    assert done.returncode != 0
    assert "crashed while running 'test_hang.py::test_that_keeps_the_interpreter'" in done.stdout


def test_the_limits_hold_and_no_mark_passes_the_last_one(
    root: Path, tracked: list[Path], pytestconfig: pytest.Config
) -> None:
    last = float(pytestconfig.getini("faulthandler_timeout"))
    assert pytestconfig.getini("faulthandler_exit_on_timeout")
    assert 0 < float(pytestconfig.getini("timeout")) < last
    marked = [
        (path.name, float(line.partition("mark.timeout(")[2].partition(")")[0]))
        for path in tracked
        if path.suffix == ".py" and root / "tests" in path.parents and path != Path(__file__)
        for line in path.read_text().splitlines()
        if "mark.timeout(" in line
    ]
    assert [each for each in marked if not 0 < each[1] < last] == []


@pytest.mark.ring("merge")
def test_files_change_places_and_their_tests_do_not(tmp_path: Path) -> None:
    for name in "abcdef":
        (tmp_path / f"test_{name}.py").write_text("def test_2(): pass\ndef test_1(): pass\n")
    done = run(tmp_path, "--collect-only", "-q", "--order-seed=7")
    files = ordered([Path(f"test_{name}.py") for name in "abcdef"], 7)
    assert files != sorted(files)
    assert [line for line in done.stdout.splitlines() if "::" in line] == [
        f"{file}::{test}" for file in files for test in ("test_2", "test_1")
    ]


def test_the_seed_decides_and_long_files_come_first() -> None:
    files = [Path(f"tests/{name}/test_it.py") for name in ("config", "e2e", "feed", "fuzz", "meta", "model")]
    orders = [ordered(files, seed) for seed in range(20)]
    assert len({tuple(order) for order in orders}) > 10
    for seed, order in enumerate(orders):
        assert ordered(reversed(files), seed) == order
        assert {path.parts[1] for path in order[:2]} == {"e2e", "fuzz"}


@pytest.mark.ring("merge")
def test_several_processes_have_one_summary(tmp_path: Path) -> None:
    (tmp_path / "test_measures.py").write_text(MEASURES)
    done = run(tmp_path, "-n", "2", PATH="", CI="")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "measured: a start: 250 ms\n" in done.stdout
    assert done.stdout.count("tests skipped, to run them: apt-get install knot-dnsutils\n") == 1
    assert "order of the test files: --order-seed=" in done.stdout


def test_the_environment_of_a_run_does_not_reach_its_tests() -> None:
    odd = {
        "COLUMNS": "20",
        "FILTERD_CONFIG": "/etc/filterd/filterd.yaml",
        "LANG": "tr_TR.ISO-8859-9",
        "LC_ALL": "C",
        "NO_COLOR": "1",
        "SUDO_USER": "somebody",
        "TERM": "dumb",
        "TZ": "Asia/Kathmandu",
        "https_proxy": "http://192.0.2.1:3128",
    }
    kept = {"HOME": "/root", "LD_PRELOAD": "libasan.so", "PATH": "/usr/bin"}
    assert same_everywhere(odd | kept) == same_everywhere(kept)
    assert same_everywhere(kept).items() >= kept.items()


def test_this_process_has_that_environment() -> None:
    assert same_everywhere(dict(os.environ)) == dict(os.environ)


@pytest.mark.ring("merge")
def test_a_socket_has_room_below_any_folder_for_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "test_binds.py").write_text(BINDS)
    deep = tmp_path.joinpath(*["a-folder-deep-inside"] * 5)
    deep.mkdir(parents=True)
    done = run(tmp_path, "-n", "1", "-rP", TMPDIR=str(deep))
    assert done.returncode == 0, done.stdout + done.stderr
    bound = next(line for line in done.stdout.splitlines() if line.startswith("bound below "))
    assert not Path(bound.removeprefix("bound below ")).exists()


def test_a_long_path_for_temporary_files_is_not_taken() -> None:
    assert short_root("/var/tmp") == "/var/tmp"  # noqa: S108 - only its length matters
    assert len(short_root("/var/lib/some/where/deep/inside")) <= LONGEST_ROOT


def test_files_of_a_run_are_in_memory_where_there_is_room(tmp_path: Path) -> None:
    on_disk = short_root(tempfile.gettempdir())
    assert root_of_run({}, str(tmp_path)) == on_disk, "no mount of its own"
    assert root_of_run({}, str(tmp_path / "none")) == on_disk
    assert root_of_run({}, MEMORY_ROOT, 1 << 60) == on_disk, "too little room"
    assert root_of_run({"TMPDIR": "/var/tmp"}, MEMORY_ROOT, 0) == on_disk  # noqa: S108 - it is only named
    if f" {MEMORY_ROOT} tmpfs " in Path("/proc/mounts").read_text() and os.access(MEMORY_ROOT, os.W_OK):
        assert root_of_run({}, MEMORY_ROOT, 0) == MEMORY_ROOT
    assert len(MEMORY_ROOT) <= LONGEST_ROOT
