"""``filterd page`` at the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Run

Answer = Callable[..., Any]


class Quiet(SimpleHTTPRequestHandler):
    """A web server of a provider."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    """A plain web server over the exported directory."""
    site.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def named(installation: Path, name: str) -> None:
    """Write the provider's name into the configuration."""
    found = json.loads(installation.read_text())
    installation.write_text(json.dumps({**found, "service": {"name": name}}))


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


@pytest.mark.ring("night")
def test_an_export_is_a_site_and_is_written_again_from_its_record(
    answer: Answer, run: Run, site: Path, tmp_path: Path, installation: Path
) -> None:
    first = answer("page", "export", str(site))
    assert (site / "servicio/index.html").is_file()
    assert set(first["files"]) == set(bytes_of(site))
    named(installation, "Operadora")
    done = run("page", "export", str(tmp_path / "second"))
    assert done.exit_code == 0, done.stderr
    assert "service.price" in done.stderr
    assert bytes_of(tmp_path / "second") != bytes_of(site)
    answer("page", "export", str(tmp_path / "again"), "--record", "1")
    assert bytes_of(tmp_path / "again") == bytes_of(site)
    assert [each["number"] for each in answer("page", "list")] == [2, 1]
    assert "never" not in run("page", "list").stdout


def test_an_export_that_could_not_be_written_is_not_on_record_as_one(
    answer: Answer, run: Run, site: Path
) -> None:
    (site / "service").mkdir(parents=True)
    (site / "servicio").write_text("a file in the way")
    assert run("page", "export", str(site)).exit_code == 1
    (record,) = answer("page", "list")
    assert not record["exported_at"]
    assert "never exported" in run("page", "check").stderr
    (site / "servicio").unlink()
    assert answer("page", "export", str(site))["exported_at"]
    assert answer("page", "check")["same"]


@pytest.mark.ring("night")
def test_a_check_of_a_directory_names_what_differs(
    answer: Answer, run: Run, site: Path, installation: Path
) -> None:
    answer("page", "export", str(site))
    assert "is what runs" in run("page", "check", str(site)).stdout
    named(installation, "Operadora")
    for words in (("page", "check", str(site)), ("page", "check")):
        found = run(*words)
        assert found.exit_code == 1
        assert "provider.name" in found.stdout and "Operadora" in found.stdout
        assert "filterd page export" in found.stderr
    plain = json.loads(run("page", "check", "--json").stdout)
    assert (plain["same"], plain["record"]) == (False, 1)


@pytest.mark.ring("night")
def test_a_check_asks_the_web_server_that_has_the_pages(
    answer: Answer, run: Run, site: Path, address: str
) -> None:
    answer("page", "export", str(site))
    for written in (address, f"{address}/", f"{address}/servicio/"):
        done = run("page", "check", "--url", written)
        assert done.exit_code == 0, done.output
    (site / "servicio/quejas.html").unlink()
    (site / "servicio/temas.html").write_text("old")
    found = run("page", "check", "--url", address)
    assert found.exit_code == 1
    assert "servicio/quejas.html" in found.stdout and "servicio/temas.html" in found.stdout
    (site / "servicio/datos.json").unlink()
    gone = run("page", "check", "--url", address)
    assert (gone.exit_code, "is not there" in gone.stderr, "what to do" in gone.stderr) == (1, True, True)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("export", "{site}", "--at", "yesterday"), 2, "is no time like"),
        (("export", "{site}", "--at", "2026-03-03", "--record", "1"), 2, "give one of them"),
        (("export", "{site}", "--at", "2026-03-03"), 1, "filterd page list"),
        (("export", "{site}", "--record", "7"), 1, "no record 7"),
        (("export", "/dev/null/x"), 1, "cannot be written"),
        (("check",), 1, "filterd page export"),
        (("check", "--url", "ftp://isp.example"), 1, "https://HOST/PATH"),
        (("check", "--url", "http://127.0.0.1:1"), 1, "cannot be read"),
        (("check", "/", "--url", "https://isp.example"), 2, "not both"),
    ],
)
def test_wrong_use_says_what_to_do(
    run: Run, site: Path, words: tuple[str, ...], code: int, says: str
) -> None:
    done = run("page", *(each.format(site=site) for each in words))
    assert (done.exit_code, says in done.stderr) == (code, True), done.output
    assert not site.exists()


def test_the_configuration_check_names_the_facts_that_are_missing(run: Run, installation: Path) -> None:
    assert "service." not in run("config", "check").stderr
    named(installation, "Operadora")
    told = run("config", "check")
    assert told.exit_code == 0
    missing = ("service.price", "service.contact", "service.complaints", "service.public_url")
    assert [each for each in missing if each in told.stderr] == list(missing)
    assert "service.name" not in told.stderr
