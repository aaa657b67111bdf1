"""Completion in real shells: each one loads its script and is asked as at a Tab key."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Ask = Callable[[str, str], list[str]]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which ``filterd`` is this tree's."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "filterd"
    program.write_text(
        f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from filterd.cli.entry import main\nmain()\n"
    )
    program.chmod(0o755)
    return os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder)}


def run(environment: dict[str, str], *command: str) -> str:
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout


BASH = """
source <(filterd completion bash)
COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_LINE="{line}"
_filterd_completion filterd
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
FISH = """
filterd completion fish | source
complete --do-complete "{line}"
"""
ZSH = """
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1= ; autoload -U compinit; compinit -D -u; eval "$(filterd completion zsh)"; LISTMAX=9999'
zpty -w shell 'zstyle ":completion:*" list-prompt ""; print REA''DY'
zpty -r shell seen '*READY*'
zpty -n -w shell '{line}'$'\\t\\t'
zpty -r -m shell seen '*{wanted}*' && print -- "$seen"
zpty -d shell
"""
CASES = [
    ("filterd comp", "completion"),
    ("filterd subscriber opt-", "opt-out"),
    ("filterd completion z", "zsh"),
    ("filterd session exp", "explain"),
    ("filterd order add --auth", "--authority"),
]


@pytest.mark.system("bash")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_bash(environment: dict[str, str], line: str, wanted: str) -> None:
    found = run(environment, "bash", "--norc", "-c", BASH.format(line=line)).split()
    assert wanted in found
    assert all(each.startswith(line.split()[-1]) for each in found)


@pytest.mark.system("fish")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_fish(environment: dict[str, str], line: str, wanted: str) -> None:
    found = run(environment, "fish", "--no-config", "-c", FISH.format(line=line)).split()
    assert wanted in found


@pytest.mark.system("zsh")
@pytest.mark.parametrize(("line", "wanted"), CASES)
def test_zsh(environment: dict[str, str], line: str, wanted: str) -> None:
    assert wanted in run(environment, "zsh", "-f", "-c", ZSH.format(line=line, wanted=wanted))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_json_holds_the_same_script(environment: dict[str, str], shell: str) -> None:
    script = run(environment, "filterd", "completion", shell)
    assert json.loads(run(environment, "filterd", "completion", shell, "--json")) == {
        "shell": shell,
        "script": script.removesuffix("\n"),
    }


def test_a_name_of_a_command_is_completed_without_loading_one(environment: dict[str, str]) -> None:
    program = (
        "import os, sys, atexit\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "atexit.register(lambda: print(*sorted(m for m in sys.modules if m.startswith('filterd.cli.'))))\n"
        "sys.argv = ['filterd']\n"
        "from filterd.cli.entry import main\n"
        "main()\n"
    )
    asked = environment | {"_FILTERD_COMPLETE": "bash_complete", "COMP_WORDS": "filterd s", "COMP_CWORD": "1"}
    lines = run(asked, sys.executable, "-c", program).splitlines()
    assert lines[-1].split() == ["filterd.cli.entry", "filterd.cli.group", "filterd.cli.main"]
    assert "plain,subscriber" in lines
