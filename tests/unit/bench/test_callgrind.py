"""Callgrind's files: each instruction is counted once, for the function in whose body its line stands."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from bench.callgrind import by_function, definitions, plain_name, self_costs
from bench.stages import by_stage

SOURCE = """static int __pyx_f_7filterd_4wire_5codec_lower(int);
static int __pyx_f_7filterd_4wire_5codec_lower(int a) {
    return a;
}
static CYTHON_INLINE int __pyx_f_7filterd_9dataplane_7hashing_keyed_hash(int a) {
    return a;
}
int other(int a) {
    return __pyx_f_7filterd_4wire_5codec_lower(a);
}
"""


def output(source: Path) -> list[str]:
    """10 in lower's own lines, 5 of it inlined into other; 7 in other; 3 outside; the 900 are no one's."""
    return [
        "events: Ir",
        f"fl=(1) {source}",
        "fn=(1) __pyx_f_7filterd_4wire_5codec_lower",
        "2 3",
        "+1 2",
        "fn=(2) other",
        "8 4",
        "* 3",
        f"fi=(2) {source.parent}/filterd/gone.c",
        "1 1",
        "fe=(1)",
        "3 5",
        "cfi=(3) ./memcpy.S",
        "cfn=(3) memcpy",
        "calls=9 77",
        "9 900",
        "fl=(3)",
        "fn=(3)",
        "1 3",
        "",
        "totals: 21",
    ]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "filterd").mkdir()
    path = tmp_path / "filterd" / "codec.c"
    path.write_text(SOURCE)
    return path


def test_what_was_called_is_not_counted(source: Path) -> None:
    costs = list(self_costs(output(source)))
    assert sum(cost for *_, cost in costs) == 21
    assert [line for *_, line, _ in costs] == [2, 3, 8, 8, 1, 3, 1]


def test_inlined_code_is_its_authors(source: Path) -> None:
    found = by_function(output(source), "filterd")
    assert found == Counter({"codec.lower": 10, "other": 8, "memcpy": 3})


def test_declarations_are_no_definitions() -> None:
    starts, names = definitions(SOURCE)
    assert starts == [2, 5, 8]
    assert names[2] == "other"


@pytest.mark.parametrize(
    ("mangled", "plain"),
    [
        ("__pyx_f_7filterd_4wire_5codec_read_name", "codec.read_name"),
        ("__pyx_f_7filterd_9dataplane_5cache_5shard__next_word", "shard._next_word"),
        ("__pyx_f_7filterd_4wire_7respond_add_soa.isra.0", "respond.add_soa"),
        ("__memcpy_avx_unaligned_erms", "__memcpy_avx_unaligned_erms"),
        ("__pyx_f_", "__pyx_f_"),
    ],
)
def test_names(mangled: str, plain: str) -> None:
    assert plain_name(mangled) == plain


def test_stages() -> None:
    found = by_stage(
        Counter({"codec.parse_query": 5, "hashing.keyed_hash": 2, "strange": 1, "__memcpy_avx": 4})
    )
    assert found["parse"] == 5
    assert found["hashing (names, tables, cache)"] == 2
    assert found["copying"] == 4
    assert found["other"] == 1
    assert sum(found.values()) == 12
