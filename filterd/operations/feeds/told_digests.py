"""The digests of lists as they may be told outside."""

from __future__ import annotations

from filterd.config.settings import Settings
from filterd.disk.keys import DIGEST_KEY
from filterd.model.records import FeedVersion
from filterd.operations.feeds import rule_files
from filterd.operations.keys import load_key
from filterd.policy.documents import Feed


def told_digest(settings: Settings, feed: Feed, version: FeedVersion) -> str:
    """The digest of a version that may be told. That of a confidential list is made of its file: one that was
    taken while it was not confidential stands in the store without the key. Empty where the file is gone."""
    if not feed.confidential:
        return version.digest
    path = rule_files.rule_file(settings.state_dir, feed.id, version.version)
    return rule_files.digest_of(path, load_key(settings, DIGEST_KEY))
