"""A listener with pages of the tests' choice, beside a small store of its own: all components, or a desk."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from filterd.config.value_types import Endpoint
from filterd.config.web_settings import PagesSettings, WebSettings
from filterd.operations.context import Context, open_context
from filterd.store.store import Store
from filterd.web.pages.application import make_pages
from filterd.web.pages.state import PagesState, page
from filterd.web.pages.templating import Templates
from filterd.web.pages.translations import Translations
from tests.e2e.authority import free_port
from tests.worlds.installation import settings_in, write_policies


async def _components(request: Request) -> Response:
    return page(request, "house/components.html")


Prepare = Callable[[Context], Awaitable[list[BaseRoute]]]


class _Served:
    """The server's own loop, in a thread."""

    def __init__(self, folder: Path, port: int, prepare: Prepare) -> None:
        self._folder, self._port, self._prepare = folder, port, prepare
        self.ready = threading.Event()
        self.failed: BaseException | None = None
        self.server: uvicorn.Server | None = None

    def run(self) -> None:
        try:
            asyncio.run(self._run())
        except BaseException as error:
            self.failed = error
        finally:
            self.ready.set()

    async def _run(self) -> None:
        write_policies(self._folder / "policies")
        settings = settings_in(self._folder)
        await Store.migrate(settings.store.url, settings.store.ledger)
        listen = Endpoint(ip_address("127.0.0.1"), self._port)
        web = WebSettings(None, None, portal=PagesSettings(listen, 100), desk=PagesSettings(listen, 100))
        async with open_context(settings, actor="tests") as context:
            state = PagesState(context, web, Templates(Translations()))
            app = make_pages(await self._prepare(context), state)
            config = uvicorn.Config(app, port=self._port, log_config=None, lifespan="off", ws="none")
            self.server = uvicorn.Server(config)
            serving = asyncio.create_task(self.server.serve())
            while not self.server.started and not serving.done():
                await asyncio.sleep(0.01)
            self.ready.set()
            await serving


async def _all_components(_: Context) -> list[BaseRoute]:
    return [Route("/dev/components", _components)]


@contextmanager
def components(folder: Path) -> Iterator[str]:
    """The address of the page, which is served until the end."""
    with served_pages(folder, _all_components) as address:
        yield f"{address}/dev/components"


@contextmanager
def served_pages(folder: Path, prepare: Prepare) -> Iterator[str]:
    """The address of a listener that serves the routes of ``prepare``, over the store that it filled."""
    port = free_port()
    served = _Served(folder, port, prepare)
    thread = threading.Thread(target=served.run)
    thread.start()
    try:
        served.ready.wait()
        assert served.failed is None, served.failed
        yield f"http://127.0.0.1:{port}"
    finally:
        if served.server is not None:
            served.server.should_exit = True
        thread.join()
