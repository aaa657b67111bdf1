"""``make run`` as a newcomer meets it, and every example of the README carried out on it, in order."""

from __future__ import annotations

import ast
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import astuple
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import httpx
import pytest
from click.testing import CliRunner

from filterd.cli.demonstration.guide import TRY
from filterd.cli.demonstration.installation import Ports
from filterd.cli.main import main
from tests.browser.forms import Pages
from tests.e2e.authority import free_port
from tests.worlds.serve_lists import in_thread, made

ROOT = Path(__file__).parents[2]
START = (
    "import pathlib, sys; from filterd.cli.demonstration.__main__ import demonstrate; "
    "from filterd.cli.demonstration.installation import Ports; "
    "folder, policies, *ports = sys.argv[1:]; "
    "sys.exit(demonstrate(pathlib.Path(folder), pathlib.Path(policies), Ports(*map(int, ports))))"
)
PATIENCE = 200.0
"""seconds; what is waited for comes long before, or not at all"""


class Demonstration:
    """One running ``make run`` on free ports."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = Ports(*(free_port() for _ in range(8)))
        self.output = ""

    def start(self) -> None:
        """Returns when the guide has been printed."""
        ports = map(str, astuple(self.ports))
        command = [sys.executable, "-u", "-c", START, str(self.folder), str(ROOT / "policies"), *ports]
        log = self.folder.with_suffix(".log")
        with log.open("w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + PATIENCE
        while "Ctrl-C" not in self.output:
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
            self.output = log.read_text()

    def stop(self) -> int:
        """As Ctrl-C does; the exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(30)

    def ask(self, arguments: str) -> dns.message.Message:
        """What dig would be answered, given dig's arguments behind address and port."""
        words = shlex.split(arguments)
        source = words[words.index("-b") + 1]
        name, kind = [*(word for word in words[2:] if not word.startswith(("+", "-"))), "A"][:2]
        query = dns.message.make_query(name, kind, use_edns=0)
        ask = dns.query.tcp if "+tcp" in words else dns.query.udp
        return ask(query, "127.0.0.1", port=self.ports.dns, source=source, timeout=10)

    def command(self, *arguments: str) -> str:
        """What a command prints on standard output; it must succeed."""
        environment = {"FILTERD_CONFIG": str(self.folder / "filterd.yaml")}
        result = CliRunner().invoke(main, arguments, env=environment)
        assert result.exit_code == 0, f"filterd {' '.join(arguments)}: {result.stderr}"
        return result.stdout


@pytest.fixture(scope="module")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    running = Demonstration(tmp_path_factory.mktemp("demonstration") / "run")
    try:
        running.start()
        yield running
    finally:
        code = running.stop() if running.process.poll() is None else 0
    assert code == 0


def expected(comment: str) -> str:
    """The start of a guide's comment, as an outcome."""
    return "answered" if comment.startswith("answered") else "blocked"


@pytest.mark.parametrize(("arguments", "comment"), TRY, ids=[arguments for arguments, _ in TRY])
def test_the_guide_tells_the_truth(demonstration: Demonstration, arguments: str, comment: str) -> None:
    answer = demonstration.ask(arguments)
    extended = [option.code for option in answer.options if option.otype == 15]
    assert arguments in demonstration.output
    if expected(comment) == "answered":
        assert (answer.rcode(), extended) == (dns.rcode.NOERROR, [])
        assert answer.answer
    else:
        of_answer = "alias" in comment or "target" in comment  # denies that answer, not the name (RFC 8020)
        assert answer.rcode() == (dns.rcode.NOERROR if of_answer else dns.rcode.NXDOMAIN)
        assert not answer.answer
        assert extended == [16 if "order" in comment else 17]


def test_metrics_are_where_it_says(demonstration: Demonstration) -> None:
    pages = re.findall(r"http://[\d.:]+/metrics", demonstration.output)
    assert len(pages) == 2
    for page in pages:
        with urllib.request.urlopen(page, timeout=10) as answer:  # noqa: S310 - our own page
            assert b"filterd_build_info" in answer.read()


def shown(demonstration: Demonstration, url: str, held: str) -> str:
    """A page, once it has this in it: what control publishes is not there at once."""
    deadline = time.monotonic() + PATIENCE
    while True:
        reply = httpx.get(url, follow_redirects=True, timeout=10)
        if reply.status_code == 200 and held in reply.text:
            return reply.text
        assert time.monotonic() < deadline, f"{url}: {reply.status_code} {reply.text}"
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("path", "held"),
    [("/portal", "/portal/entrar"), ("/servicio", "<h1"), ("/service", "<h1"), ("/funciona", "<h1"),
     ("/revision", "<form")],
)  # fmt: skip
def test_its_pages_answer(demonstration: Demonstration, path: str, held: str) -> None:
    assert f"http://127.0.0.1:{demonstration.ports.portal}/servicio" in demonstration.output
    shown(demonstration, f"http://127.0.0.1:{demonstration.ports.portal}{path}", held)


def _listens(url: str) -> bool:
    try:
        return httpx.head(url).status_code > 0
    except httpx.ConnectError:
        return False


@pytest.mark.parametrize(
    ("kind", "status"), [("parental", 403), ("security", 403), ("mandatory", 451), ("confidential", 451)]
)
def test_each_kind_of_block_page_is_shown(demonstration: Demonstration, kind: str, status: int) -> None:
    url = re.search(rf"(http://\S+) \({kind}\)", demonstration.output)
    assert url is not None, demonstration.output
    deadline = time.monotonic() + PATIENCE
    while not _listens(url[1]):
        assert time.monotonic() < deadline, url[1]
        time.sleep(0.2)
    reply = httpx.get(url[1], headers={"Accept": "text/html"})
    assert (reply.status_code, "<h1" in reply.text) == (status, True)


def test_the_link_opens_the_portal_signed_in(demonstration: Demonstration) -> None:
    url = re.search(r"http://\S+/portal/entrar\?k=\S+", demonstration.output)
    assert url is not None, demonstration.output
    with Pages(f"http://127.0.0.1:{demonstration.ports.portal}") as pages:
        after = pages.send(url[0], "/portal/entrar")
        assert "edad=children" in after
        pages.send("/portal/filtro/1/encender?edad=children", "/portal/filtro/1/encender")
    becomes(demonstration, "-b 127.0.0.4 adult.example", "NXDOMAIN")
    demonstration.command("subscriber", "opt-out", "demonstration-4")
    becomes(demonstration, "-b 127.0.0.4 adult.example", "NOERROR")


def test_the_token_opens_the_desk(demonstration: Demonstration) -> None:
    found = re.search(r"with the token (filterd_\S+)", demonstration.output)
    assert found is not None, demonstration.output
    with Pages(f"http://127.0.0.1:{demonstration.ports.desk}") as pages:
        pages.send("/desk/sign-in", "/desk/sign-in", token=found[1])
        assert "demonstration-2" in pages.show("/desk/find?id=demonstration-2")


def readme_lines() -> list[str]:
    """The lines of the README's operator part that an operator types, continuation lines joined."""
    text = (ROOT / "README.md").read_text().split("## The first ten minutes")[1]
    found: list[str] = []
    for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        joined = re.sub(r"<<'END'\n(.*?)^END$", lambda found: f"<<{found[1]!r}", block, flags=re.M | re.S)
        found += joined.replace("\\\n", " ").splitlines()
    return found


def add_feed(demonstration: Demonstration, line: str, port: int) -> None:
    """Carry out the line that adds a feed, with the port of the list server that runs."""
    assert line.startswith("cat >>build/run/policies/feeds.yaml <<"), line
    entry: str = ast.literal_eval(line.partition("<<")[2])
    with (demonstration.folder / "policies" / "feeds.yaml").open("a") as file:
        file.write(entry.replace(":8443", f":{port}"))


def test_the_readme_works_line_by_line(demonstration: Demonstration) -> None:
    lines = readme_lines()
    assert len(lines) > 20
    with in_thread(made(demonstration.folder.parent / "lists")) as server:
        carry_out(demonstration, lines, server.port)


def carry_out(demonstration: Demonstration, lines: list[str], list_port: int) -> None:
    """Carry out the lines in their order."""
    for line in lines:
        if line.startswith("cat "):
            add_feed(demonstration, line, list_port)
            continue
        command, _, comment = line.partition("#")
        words = shlex.split(command)
        match words[0]:
            case "filterd":
                demonstration.command(*words[1:])
            case "dig":
                assert words[1:4] == ["@127.0.0.1", "-p", "5300"]
                becomes(demonstration, shlex.join(words[4:]), comment.split()[-1])
            case "curl":
                assert words[-1] == "http://127.0.0.1:9353/metrics"
            case other:
                assert other == "export", line


def becomes(demonstration: Demonstration, arguments: str, status: str) -> None:
    """Ask until the answer has this status: a change takes up to a second, on a busy machine more."""
    deadline = time.monotonic() + PATIENCE
    while (rcode := dns.rcode.to_text(demonstration.ask(arguments).rcode())) != status:
        assert time.monotonic() < deadline, f"{arguments}: {rcode}, not {status}"
        time.sleep(0.05)


def test_the_guide_says_how_to_ask_why(demonstration: Demonstration) -> None:
    line = next(line for line in demonstration.output.splitlines() if line.startswith("Why:"))
    words = shlex.split(line)[2:]
    assert "adult" in demonstration.command(*words)


@pytest.mark.ring("night")
def test_a_second_run_finds_the_first_one(demonstration: Demonstration) -> None:
    assert demonstration.stop() == 0
    before = demonstration.command("subscriber", "list", "--json")
    demonstration.output = ""
    demonstration.start()
    assert demonstration.command("subscriber", "list", "--json") == before
    assert demonstration.ask("-b 127.0.0.2 adult.example").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (0, "udp"),
        (0, "tcp"),
        *(pytest.param(each, "tcp", marks=pytest.mark.ring("night")) for each in range(1, 6)),
    ],
)
def test_a_port_in_use_is_said_at_once(tmp_path: Path, place: int, kind: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == "tcp":
            taken.listen()
        ports = [str(free_port()) for _ in range(8)]
        ports[place] = str(taken.getsockname()[1])
        command = [sys.executable, "-c", START, str(tmp_path / "run"), str(ROOT / "policies"), *ports]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith(f"filterd: port {ports[place]}/{kind} is in use\n  what to do: stop")
    assert not (tmp_path / "run").exists()
