"""What the file of sessions is made of: the tables of this program, and nothing that acts by itself.

A trigger can swallow a verdict, a view can run for ever, a constraint can drop rows: a file from elsewhere
may have any of them. Nothing of it is run before it was compared with what this program makes.
"""

from __future__ import annotations

import sqlite3
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from alembic.config import Config

_VERSION = ("table", "alembic_version")
_STATISTICS = ("sqlite_sequence", "sqlite_stat1", "sqlite_stat4")
"""Tables that SQLite itself makes."""
Parts = dict[tuple[str, str], str]
"""By type and name, how each was made."""


def version_of(connection: sqlite3.Connection, config: Config, name: str) -> str | None:
    """The version of a file's tables; None of a file that is empty.

    Parameters
    ----------
    connection
        To the file.
    config
        Of the migrations.
    name
        What to call the file.

    Raises
    ------
    InputError
        If it is of another program or a newer version, or has something in it that this program did not make.
    """
    found = _parts(connection)
    if not found:
        return None
    known = versions(config)
    made = _made(config, known[0])
    if found.get(_VERSION) != made[_VERSION]:
        raise InputError(f"{name} holds tables of another program; name a new file or database.")
    said = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version LIMIT 2")]
    if len(said) == 1 and said[0] not in known:
        raise InputError(f"{name} was written by a newer version of this program: update it.")
    if len(said) == 1:
        made = _made(config, said[0])
    odd = sorted(key for key in found.keys() | made.keys() if found.get(key) != made.get(key))
    if odd or len(said) != 1:
        what = " ".join(odd[0]) if odd else "version"
        raise InputError(
            f"{name} is not as this program makes it (see its {what!r}): somebody changed it, and it is not "
            "used; ask for the file as it was, or go back to a backup."
        )
    return str(said[0])


def versions(config: Config) -> tuple[str, ...]:
    """All versions that this program knows, the newest first."""
    return _versions(_place(config))


def _parts(connection: sqlite3.Connection) -> Parts:
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    return {
        (str(type_), str(name)): "".join(str(sql).replace('"', "").split()).lower()
        for type_, name, sql in rows
        if not (type_ == "table" and name in _STATISTICS)
    }


def _made(config: Config, revision: str) -> Parts:
    return _made_at(_place(config), revision)


def _place(config: Config) -> str:
    return str(config.get_main_option("script_location"))


def _config_of(location: str) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", location.replace("%", "%%"))
    return config


@cache
def _versions(location: str) -> tuple[str, ...]:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_config_of(location))
    return tuple(one.revision for one in script.walk_revisions())


@cache
def _made_at(location: str, revision: str) -> Parts:
    """What the migrations make, up to a version."""
    from alembic import command

    config = _config_of(location)
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    with engine.begin() as at:
        config.attributes["connection"] = at
        command.upgrade(config, revision)
    found = _parts(connection)
    engine.dispose()
    connection.close()
    return found
