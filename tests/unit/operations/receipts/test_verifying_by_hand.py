"""What the documents say on verifying a receipt without filterd does what they say."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.worlds.receipts import samples, signing

ROOT = Path(__file__).resolve().parents[4]
PAGES = ("docs/receipts.md", "docs/es/constancias.md")
TEXT = samples()["on-time"]


def commands(page: str) -> str:
    """The commands that a page gives."""
    text = (ROOT / page).read_text(encoding="utf-8")
    (found,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    return str(found)


def followed(page: str, folder: Path, receipt: str) -> subprocess.CompletedProcess[str]:
    """The commands of a page, in an empty folder that has only the receipt and the key."""
    (folder / "receipt.json").write_text(receipt + "\n", encoding="utf-8")
    (folder / "receipt.pem").write_text(signing().public_pem)
    plain = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    return subprocess.run(
        ["bash", "-ec", commands(page)], cwd=folder, env=plain, capture_output=True, text=True, check=False
    )


@pytest.mark.system("openssl")
@pytest.mark.parametrize("page", PAGES)
def test_a_receipt_is_found_good(page: str, tmp_path: Path) -> None:
    done = followed(page, tmp_path, TEXT)
    assert done.returncode == 0, done.stderr
    assert "Signature Verified Successfully" in done.stdout


@pytest.mark.system("openssl")
@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize(
    ("before", "after"),
    [("500-05-2026-1234", "500-05-2026-1235"), ('"met":null', '"met":true'), ("15:30:00Z", "15:31:00Z")],
)
def test_a_planted_forgery_is_found(page: str, before: str, after: str, tmp_path: Path) -> None:
    forged = TEXT.replace(before, after)
    assert forged != TEXT
    assert followed(page, tmp_path, forged).returncode != 0


def test_both_pages_say_the_same() -> None:
    spanish, english = (commands(page) for page in PAGES)
    assert spanish == english
