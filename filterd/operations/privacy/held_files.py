"""Files outside the store that have a term: backups, and what was set aside. Its calls wait for the disk."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from filterd.config.settings import Settings
from filterd.disk.keys import drop_key_drafts
from filterd.operations.privacy import made_backups
from filterd.operations.privacy.made_backups import MadeBackup
from filterd.store.engine import database_path
from filterd.store.retention import HeldRows

_ASIDE = ("*.damaged-[0-9]*", "*.other-[0-9]*")


def kept(settings: Settings, name: str, before: float) -> HeldRows:
    """The files of the class ``backups`` or ``aside``. Raises ``OSError``."""
    if name == "backups":
        backups = _standing(settings)
        due = made_backups.past_term(backups, before)
        return HeldRows(len(backups), len(due), min((each.made_at for each in backups), default=0.0))
    times = [each.lstat().st_ctime for each in _set_aside(settings)]
    return HeldRows(len(times), sum(each < before for each in times), min(times, default=0.0))


def delete_due(settings: Settings, name: str, before: float) -> tuple[int, list[str]]:
    """Delete what is past its term, and what killed backups and rotations left: how many went of the first,
    and of each that could not go the path with the reason."""
    drop_key_drafts(settings.state_dir)
    if name == "backups":
        return _delete_backups(settings, before)
    due = [each for each in _set_aside(settings) if each.lstat().st_ctime < before]
    kept = [found for each in due if (found := _try(each, partial(_remove, each)))]
    return len(due) - len(kept), kept


def _delete_backups(settings: Settings, before: float) -> tuple[int, list[str]]:
    standing = _standing(settings)
    gone = [each for each in made_backups.noted(settings.state_dir) if each not in standing]
    kept = made_backups.drop_drafts(settings.state_dir)
    failed_drafts = len(kept)
    for each in made_backups.past_term(standing, before):
        failed = _try(Path(each.directory), partial(made_backups.delete, each))
        if failed:
            kept.append(failed)
        else:
            gone.append(each)
    made_backups.drop(settings.state_dir, gone)
    return len(made_backups.past_term(standing, before)) + failed_drafts - len(kept), kept


def _standing(settings: Settings) -> tuple[MadeBackup, ...]:
    """The backups on record that are where they were made. One that this user cannot see counts too."""
    return tuple(each for each in made_backups.noted(settings.state_dir) if _stands(each))


def _stands(backup: MadeBackup) -> bool:
    try:
        return backup.stands
    except OSError:
        return True


def _set_aside(settings: Settings) -> list[Path]:
    """Files and directories that filterd set aside; none below another."""
    found: dict[Path, None] = {}
    for path in _matching(settings):
        if not any(each in found for each in path.parents):
            found[path] = None
    return list(found)


def _matching(settings: Settings) -> Iterator[Path]:
    places = {settings.state_dir: True, database_path(settings.store.url).parent: False}
    places[settings.store.ledger] = True
    for place, deep in places.items():
        for pattern in _ASIDE:
            yield from sorted(place.rglob(pattern) if deep else place.glob(pattern))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _try(path: Path, delete: Callable[[], None]) -> str:
    """The path and the reason where it cannot be deleted; empty where it is gone."""
    try:
        delete()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return ""
