"""The order of test files: long ones first, otherwise a new one in each run: no file may lean on another.

The seed stands in the head of the run; ``--order-seed=N`` gives the same order again. Tests of one file keep
their order: what they share is in sight there.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

LONG = (
    "machine",
    "packaging",
    "monitoring",
    "chaos",
    "browser",
    "e2e",
    "compliance",
    "comparison",
    "concurrency",
    "fuzz",
)
"""folders of tests whose files take long: begun first, so that no processor is left alone with one"""


def pytest_addoption(parser: pytest.Parser) -> None:
    """The option itself."""
    parser.addoption("--order-seed", type=int, metavar="N", help="seed of the order of test files")


def pytest_configure(config: pytest.Config) -> None:
    """Take the seed of the run, or draw it. Processes that share the tests are given one seed."""
    given = getattr(config, "workerinput", {}).get("order_seed", config.option.order_seed)
    config.option.order_seed = random.SystemRandom().randrange(1_000_000) if given is None else given


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give the seed to one of several processes."""
    node.workerinput["order_seed"] = node.config.option.order_seed


def pytest_report_header(config: pytest.Config) -> str:
    """The seed, to repeat the run with."""
    return f"order of the test files: --order-seed={config.option.order_seed}"


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a test with bytes by its argument and a number: a packet with an id drawn at random has another
    name in each process."""
    return argname if isinstance(val, bytes) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the files in their order."""
    files = {
        item.path: item.path.relative_to(config.rootpath)
        for item in {each.path: each for each in items}.values()
    }
    paths = ordered(files.values(), config.option.order_seed)
    place = {path: number for number, path in enumerate(paths)}
    items.sort(key=lambda item: place[files[item.path]])


def ordered(paths: Iterable[Path], seed: int) -> list[Path]:
    """The files, given by their path inside the repository, as a run with this seed takes them."""
    shuffled = sorted(paths)
    random.Random(seed).shuffle(shuffled)
    return sorted(shuffled, key=lambda path: path.parts[:1] != ("tests",) or path.parts[1] not in LONG)
