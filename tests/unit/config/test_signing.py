"""The section ``signing`` of the configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from filterd.config.load import ConfigErrors, from_value
from filterd.config.settings import Settings
from filterd.config.signing_settings import AnchorKind

BASE = Path("/etc/filterd")


def load(signing: dict[str, Any]) -> Settings:
    """The settings of a file with this section."""
    return from_value({"dns": {"upstreams": ["192.0.2.53"]}, "signing": signing}, base=BASE)


def test_keys_stand_in_the_state_directory_by_default() -> None:
    found = load({}).signing
    assert found.checkpoint_key_file == Path("/var/lib/filterd/keys/checkpoint.key")
    assert found.receipt_key_file == Path("/var/lib/filterd/keys/receipt.key")
    assert (found.every, found.statement_at, found.anchors) == (3600, "03:00", ())


def test_every_kind_of_anchor() -> None:
    settings = load(
        {
            "anchors": [
                {"id": "worm", "kind": "directory", "path": "/mnt/worm"},
                {"id": "lines", "kind": "file", "path": "heads.ndjson"},
                {
                    "id": "tsa",
                    "kind": "rfc3161",
                    "url": "http://tsa.example/tsr",
                    "ca": "tsa.pem",
                    "every": "1d",
                },
                {"id": "crt", "kind": "countersign", "key": "crt.pem"},
            ]
        }
    )
    anchors = settings.signing.anchors
    assert [each.kind for each in anchors] == [
        *map(AnchorKind, ("directory", "file", "rfc3161", "countersign"))
    ]
    assert anchors[1].path == BASE / "heads.ndjson"
    assert (anchors[2].ca, anchors[2].every) == (BASE / "tsa.pem", 86_400)
    assert Settings.from_json(settings.to_json()) == settings


@pytest.mark.parametrize(
    ("anchor", "complaint"),
    [
        ({"kind": "file"}, "needs path"),
        ({"kind": "rfc3161", "url": "http://tsa.example"}, "needs ca"),
        ({"kind": "file", "path": "a", "url": "http://tsa.example"}, "has no url"),
        ({"kind": "rfc3161", "ca": "a", "url": "ftp://tsa.example"}, "no address of a time-stamp authority"),
        (
            {"kind": "rfc3161", "ca": "a", "url": "http://me@tsa.example"},
            "no address of a time-stamp authority",
        ),
    ],
)
def test_an_anchor_has_what_its_kind_needs(anchor: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigErrors, match=complaint):
        load({"anchors": [{"id": "a", **anchor}]})


def test_ids_and_key_files_are_different() -> None:
    twice = [{"id": "a", "kind": "file", "path": "a"}, {"id": "a", "kind": "file", "path": "b"}]
    with pytest.raises(ConfigErrors, match="twice"):
        load({"anchors": twice})
    with pytest.raises(ConfigErrors, match="two files"):
        load({"checkpoint_key_file": "k", "receipt_key_file": "k"})
    with pytest.raises(ConfigErrors, match="statement_at"):
        load({"statement_at": "25:00"})
