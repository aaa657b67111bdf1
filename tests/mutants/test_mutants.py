"""The tool of ``make mutants``: it finds the mutations it says, and leaves everything as it was."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.e2e.deployment import soon
from tests.mutants import native_mutations, python_mutations
from tests.mutants.__main__ import all_mutations, sample
from tests.mutants.coverage_map import CoverageMap
from tests.mutants.mutation import Mutation
from tests.mutants.private_tree import PrivateTree, native_dependents, private_tree
from tests.mutants.trial import Fate, Trial

pytestmark = pytest.mark.ring("night")

ROOT = Path(__file__).parents[2]

PYTHON = '''
"""A docstring with 1 + 1 and not."""
@cache(1)
def f(a: int | None, é: str = "é") -> bool:
    é, x = 2, (a) + (a)
    self.x = a
    if not a < 3 and é in x:  # and
        log(sorted(x))
        return (a,
                x)
    return a is None
'''
NATIVE = '''
"""A docstring with 1 + 1."""
cdef enum Sort:
    FIRST = 1   # not 2
cdef struct Shape:
    int sides[4]
cdef inline int f(const Name* name, int most=5) noexcept nogil:
    cdef int a, b[6]
    cdef Name* found = <Name*>&name[0]
    if name.length < <size_t>most and not a:
        found.length += sizeof(Name)
        __builtin_prefetch(name + 1)
        g(name)
    return (a ==
            0)
'''


def changes(found: list[Mutation], source: str) -> set[tuple[str, str]]:
    """What stood there, and what stands there instead."""
    return {(source[mutation.start : mutation.end], mutation.text) for mutation in found}


def test_the_mutations_of_python() -> None:
    assert changes(list(python_mutations.mutations("a.py", PYTHON)), PYTHON) == {
        ("2", "3"),
        ("2", "1"),
        ("3", "4"),
        ("3", "2"),
        ("+", "-"),
        ("é, x = 2, (a) + (a)", "pass"),
        ("self.x = a", "pass"),
        ("not a < 3 and é in x", "(not (not a < 3 and é in x))"),
        ("not", ""),
        ("<", "<="),
        ("and", "or"),
        ("in", "not in"),
        ("log(sorted(x))", "pass"),
        ("sorted", "list"),
        ("(a,\n                x)", "((x), (a))"),
        ("is", "is not"),
        ("a is None", "not (a is None)"),
    }


def test_the_mutations_of_native_code() -> None:
    assert changes(list(native_mutations.mutations("a.pyx", NATIVE)), NATIVE) == {
        ("1", "2"),
        ("1", "0"),
        ("0", "1"),
        ("<", "<="),
        ("and", "or"),
        ("not ", ""),
        ("name.length < <size_t>most and not a", "not (name.length < <size_t>most and not a)"),
        ("found.length += sizeof(Name)", "pass"),
        ("+=", "-="),
        ("g(name)", "pass"),
        ("==", "!="),
        ("(a ==\n            0)", "not ((a ==\n            0))"),
    }


def test_every_mutation_of_the_product_changes_it_and_can_be_read() -> None:
    texts: dict[str, str] = {}
    broken = []
    for mutation in all_mutations(ROOT):
        source = texts.setdefault(mutation.path, (ROOT / mutation.path).read_text(encoding="utf-8"))
        assert mutation.text != source[mutation.start : mutation.end], mutation
        if mutation.path.endswith("wire/names.py"):
            try:
                ast.parse(mutation.applied(source))
            except SyntaxError:
                broken.append(mutation)
    assert broken == []
    assert {Path(path).suffix for path in texts} == {".py", ".pyx", ".pxd"}


def test_a_seed_gives_one_order_and_skipping_goes_on_in_it() -> None:
    mutations = [Mutation("a.py", at, at + 1, "", "constant") for at in range(100)]
    whole = sample(mutations, 7, 0, 20)
    assert sample(mutations, 7, 0, 8) + sample(mutations, 7, 8, 12) == whole
    assert len(set(whole)) == 20
    assert sample(mutations, 8, 0, 20) != whole


def test_near_tests_come_first_and_each_test_once() -> None:
    stages = CoverageMap(ROOT).stages("filterd/config/value_types.py")
    assert stages["near"][0] == "tests/unit/config/test_value_types.py"
    assert "tests/unit/wire/test_codec.py" in stages["unit"]
    assert "tests/e2e/test_resolver.py" in stages["suite"]
    every = [test for tests in stages.values() for test in tests]
    assert len(every) == len(set(every))


def test_a_header_is_built_into_all_that_read_it_and_a_module_alone() -> None:
    assert native_dependents(ROOT, "filterd/wire/codec.pyx") == ["filterd/wire/codec.pyx"]
    cookie = native_dependents(ROOT, "filterd/wire/cookie.pxd")
    assert {"filterd/wire/cookie.pyx", "filterd/dataplane/packet/stages.pyx"} <= set(cookie)
    assert "filterd/wire/codec.pyx" not in cookie


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """A repository of one module with a test that looks at half of it, and one that always fails."""
    files = {
        "filterd/__init__.py": "",
        "filterd/sums.py": "def more(a):\n    return a + 1\n\n\ndef less(a):\n    return a - 1\n",
        "tests/unit/test_sums.py": "from filterd import sums\n\ndef test_broken():\n    assert False\n\n"
        "def test_more():\n    assert sums.more(1) == 2\n",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def arithmetic(root: Path) -> dict[str, Mutation]:
    """Operator -> the mutation that replaces it."""
    source = (root / "filterd/sums.py").read_text()
    found = python_mutations.mutations("filterd/sums.py", source)
    return {source[m.start : m.end]: m for m in found if m.operator == "arithmetic"}


def test_a_trial_convicts_by_sound_tests_alone_and_restores_the_tree(small_tree: Path) -> None:
    mutations = arithmetic(small_tree)
    with private_tree(small_tree) as tree:
        trial = Trial(tree, "unit")
        first = trial.of(mutations["+"])
        assert first.test == "tests/unit/test_sums.py::test_broken"
        killed, survived = trial.confirmed([first, trial.of(mutations["-"])])
        assert (killed.fate, killed.test) == (Fate.KILLED, "tests/unit/test_sums.py::test_more")
        assert survived.fate is Fate.SURVIVED
        assert trial.left_out == {"tests/unit/test_sums.py::test_broken"}
        restored = tree.mutant / "filterd/sums.py"
        assert restored.read_text() == (small_tree / "filterd/sums.py").read_text()
        top = tree.mutant.parent
    assert not top.exists()


def test_a_command_over_its_time_is_ended_with_its_children(small_tree: Path) -> None:
    with private_tree(small_tree) as tree:
        ended = tree.run(["sh", "-c", "setsid sleep 60 & echo begun; wait"], tree.mutant, 0.5, {})
        assert (ended.code, ended.output) == (None, "begun\n")
        assert soon(lambda: marked(tree) == []), marked(tree)  # a kill takes effect a moment later


def marked(tree: PrivateTree) -> list[str]:
    """The processes that a tree has started and that still run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if str(tree.mutant.parent).encode() in (entry / "environ").read_bytes() and not dead:
                found.append(entry.name)
        except OSError:
            continue
    return found
