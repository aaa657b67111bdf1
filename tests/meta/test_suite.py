"""The suite's own promises: one environment, files in any order, and an end to a test that hangs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.worlds.environment import LONGEST_ROOT, MEMORY_ROOT, root_of_run, same_everywhere, short_root
from tests.worlds.order import ordered

ROOT = Path(__file__).parents[2]
PLUGINS = tuple(
    f"tests.worlds.{name}" for name in ("environment", "limits", "measured", "order", "second_try", "system")
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


def run(folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The tests of a folder with this suite's settings, as another process."""
    plugins = [word for plugin in PLUGINS for word in ("-p", plugin)]
    settings = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", "-p", "no:cacheprovider"]
    if "TMPDIR" not in environment:
        settings.append(f"--basetemp={folder / 'written'}")
    command = [sys.executable, "-m", "pytest", *plugins, *settings, *options, str(folder)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_test_that_hangs_fails_and_shows_where(tmp_path: Path) -> None:
    (tmp_path / "test_hangs.py").write_text(HANGS)
    done = run(tmp_path, "--timeout=1")
    assert done.returncode == 1
    assert "3 failed, 1 passed" in done.stdout
    for place in ("in waits_in_a_task", "while True: pass", "in waits_in_a_thread"):
        assert place in done.stdout + done.stderr


def test_a_test_of_processes_has_a_second_try_and_the_summary_names_it(tmp_path: Path) -> None:
    for folder in ("e2e", "unit/serve", "concurrency"):
        (tmp_path / "tests" / folder).mkdir(parents=True)
        (tmp_path / "tests" / folder / "test_tries.py").write_text(PASSES_AT_THE_SECOND_TRY)
    done = run(tmp_path, "-n", "2")
    assert done.returncode == 1
    assert "4 failed, 2 passed, 4 rerun" in done.stdout
    assert "the first of two folders" in done.stdout
    for folder in ("e2e", "unit/serve"):
        assert f"RERUN tests/{folder}/test_tries.py::test_that_passes_then" in done.stdout
    assert "RERUN tests/concurrency" not in done.stdout


PASSES_ALONE = """
import os

def test_that_passes_alone(): assert "FILTERD_TESTS_ALONE" in os.environ, "the others are in its way"
"""


def test_a_test_of_processes_is_at_last_tried_alone(tmp_path: Path) -> None:
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    (tmp_path / "tests" / "e2e" / "test_busy.py").write_text(PASSES_ALONE)
    (tmp_path / "tests" / "test_other.py").write_text("def test_that_passes(): pass\n")
    done = run(tmp_path, "-n", "2")
    assert done.returncode == 0, done.stdout
    assert "1 passed, 2 rerun" in done.stdout
    assert "beside others: tests/e2e/test_busy.py::test_that_passes_alone" in done.stdout
    assert "the others are in its way" in done.stdout
    assert "1 failed" not in done.stdout


@pytest.mark.parametrize(
    "others",
    [
        {"tests/e2e/test_wrong.py": "def test_that_never_passes(): assert 0"},
        {"tests/test_in_process.py": PASSES_ALONE},
        {"tests/e2e/test_missing.py": "import a_module_that_is_not"},
        {"tests/e2e/test_many.py": PASSES_ALONE + "".join(
            f"\ntest_{n} = test_that_passes_alone" for n in range(6)
        )},
    ],
    ids=["wrong each time", "in process", "not collected", "too many"],
)  # fmt: skip
def test_what_is_no_accident_fails(tmp_path: Path, others: dict[str, str]) -> None:
    (tmp_path / "tests" / "e2e").mkdir(parents=True)
    (tmp_path / "tests" / "e2e" / "test_busy.py").write_text(PASSES_ALONE)
    for name, content in others.items():
        (tmp_path / name).write_text(content)
    done = run(tmp_path, "-n", "2")
    assert done.returncode != 0, done.stdout
    assert "error" in done.stdout or "FAILED tests/e2e/test_busy.py::test_that_passes_alone" in done.stdout


def test_native_code_that_keeps_the_interpreter_is_ended(tmp_path: Path) -> None:
    (tmp_path / "test_hang.py").write_text(NATIVE_HANG)
    done = run(tmp_path, "-o", "faulthandler_timeout=2", "--timeout=1")
    assert done.returncode == 1
    assert "in test_that_keeps_the_interpreter" in done.stderr


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
