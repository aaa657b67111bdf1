"""The report of ``make smells``, on a made-up tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meta.smells import report

FUNCTION = "\n".join(
    ["def long():", '    """Return two.', "", '    Slowly."""', *["    x = 1"] * 80, "    return 2"]
)
FILES = {
    "__init__.py": "from filterd.alone import thing\n",
    "big.py": '"""A table."""\n' + "# row\n" * 700,
    "edge.py": '"""A table that is just short enough."""\n' + "# row\n" * 699,
    "core.pyx": '    """Where it is."""\n' + "# row\n" * 702 + "from filterd.alone cimport thing\n",
    "code.py": f'''"""Where the code is."""
from filterd import half
from filterd.shared import thing

{FUNCTION}

class Box:
    """A box."""

    def put(self, a, b, c, d, e, f, g, h):
        """What is put."""

    def put_more(self, a, b, c, d, *, e, f, g, h, i):
        """Put more."""
''',
    "half.py": '"""A half."""\nimport filterd.half\nimport filterd.shared\n',
    "shared.py": '"""Two import it."""\n',
    "alone.py": '"""A native module imports it."""\n',
    "unused.py": '"""No module imports it."""\n',
    "stub.pyi": 'def stub():\n    """Who calls."""\n',
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package with each smell, and with what only resembles one."""
    (tmp_path / "filterd").mkdir()
    for name, text in FILES.items():
        (tmp_path / "filterd" / name).write_text(text)
    return tmp_path


def test_the_report(tree: Path) -> None:
    assert (
        "\n".join(report(tree))
        == """\
modules over 700 lines: 2
   704  filterd/core.pyx
   701  filterd/big.py

functions over 80 lines: 1
    82  filterd/code.py:5 long

functions with more than 8 parameters: 1
     9  filterd/code.py:97 put_more

modules under 60 lines with one importer: 2
     3  filterd/half.py, imported by filterd.code
     1  filterd/alone.py, imported by filterd.core

docstrings that begin with What, Who, Whose, Whom or Where, by module: 3
     2  filterd/code.py: line 1, 95
     1  filterd/core.pyx: line 1
     1  filterd/stub.pyi: line 2
"""
    )
