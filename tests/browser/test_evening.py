"""A parent's evening in the browser: what is changed on a page is what the household's devices meet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.home import ADULT, LIBRARY, LINE, Home, home
from tests.e2e.deployment import soon
from tests.worlds.chromium import visit
from tests.worlds.home_network import opened

pytestmark = pytest.mark.system("chromium", "nsd")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    with home(tmp_path_factory.mktemp("home")) as made:
        yield made


def test_a_site_opens_by_the_resolver(house: Home) -> None:
    assert opened(ADULT) in visit(house.browser, f"http://{ADULT}/")
    house.filterd.opt_in(LINE, "children")
    assert soon(lambda: house.blocked(ADULT))
    assert "ERR_NAME_NOT_RESOLVED" in visit(house.browser, f"http://{ADULT}/")
    assert opened(LIBRARY) in visit(house.browser, f"http://{LIBRARY}/")
