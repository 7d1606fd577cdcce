"""A database for the review store: SQLite in one file, or PostgreSQL by URL, with its tables up to date."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from napari_uncertainseg._base import InputError
from napari_uncertainseg.review.database.allowed_tables import version_of, versions
from napari_uncertainseg.review.database.passwords import check_target, masked, without_secrets
from napari_uncertainseg.review.database.read_only_copy import snapshot

if TYPE_CHECKING:  # what is no file of sessions is told without it: it takes a fifth of a second
    from alembic.config import Config

READING = "uncertainseg_reading"
"""Execution option of connections that only read."""
_LEAST_FREE = 1 << 16
"""Bytes that SQLite needs beside a file to read it."""
_PATIENCE_S = 15
"""How long a statement waits for another program that writes."""
_ONE_AT_A_TIME = threading.RLock()
"""Alembic keeps what it works on in its modules: of two threads one would write into the other's file."""


def connect(
    target: str | Path, *, backed_up: bool = False, create: bool = True, reading: bool = False
) -> Engine:
    """An engine for a file or a ``postgresql://`` URL, with the tables as this program has them.

    Parameters
    ----------
    target
        A file or a URL.
    backed_up
        Whether a server of an older version was backed up, and may be changed. A file is copied first anyway.
    create
        Whether the file or the tables are made where they are not there.
    reading
        Whether it is only looked at: of a file a copy in memory is read, and nothing is made.

    Raises
    ------
    InputError
        If the file or server cannot be used, is of another program, holds what this program did not make, or
        its tables are newer than this program.
    """
    url = _url(target)
    is_file = url.get_backend_name() == "sqlite"
    path = Path(str(url.database))
    create = create and not reading
    if is_file and not create and not path.is_file():
        raise InputError(f"{path} is not there; name the file of a Session dock.")
    sealed = is_file and (reading or _is_sealed(path))
    with database_errors_as_input_errors(url):
        engine = _engine_for_reading(url) if sealed else create_engine(url, **_options(url))
    if is_file:
        event.listen(engine, "connect", _prepare_to_read if sealed else _prepare)
        event.listen(engine, "begin", _begin_to_read if sealed else _begin)
    try:
        with database_errors_as_input_errors(url):
            if not sealed:
                _bring_up_to_date(engine, backed_up, create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def home_of(target: str | Path) -> Path:
    """The folder beside a database file."""
    return Path(target).absolute().parent


@contextmanager
def database_errors_as_input_errors(url: URL) -> Iterator[None]:
    """Say what a database complains of in one sentence, without the password."""
    try:
        yield
    except DBAPIError as error:
        raise InputError(_sentence(url, error.orig)) from None
    except sqlite3.Error as error:
        raise InputError(_sentence(url, error)) from None


def display_name(url: URL) -> str:
    """How a database is named to the user: the file, or the URL without its password and options."""
    is_file = url.get_backend_name() == "sqlite"
    return str(url.database).removeprefix("file:") if is_file else without_secrets(url)


def target_name(target: str) -> str:
    """How a URL is named to the user, see `display_name`."""
    return display_name(_url(target))


def with_password(url: str, password: str) -> str:
    """The URL of a PostgreSQL server with a password in it, where there is one.

    Raises
    ------
    InputError
        If it is none.
    """
    if not url.startswith("postgresql") or "://" not in url:
        raise InputError("Name a PostgreSQL server: postgresql://user@host/name.")
    found = _url(url)
    found = found.set(password=password) if password else found
    return found.render_as_string(hide_password=False)


def _url(target: str | Path) -> URL:
    text = str(target)
    if not isinstance(target, Path):
        check_target(text)
    if "://" not in text:
        path = Path(target).absolute()
        if path.is_dir():
            raise InputError(f"{path} is a folder; name a file for the sessions.")
        if not path.parent.is_dir():
            raise InputError(f"{path.parent} is no folder; make it first.")
        return URL.create("sqlite", database=str(path))
    try:
        url = make_url(text)
        found = url.drivername
    except (ArgumentError, ValueError):
        raise InputError("This is no database URL; postgresql://user@host/name is one.") from None
    if found not in ("postgresql", "postgresql+psycopg", "sqlite"):
        raise InputError(f"Sessions are kept in SQLite or PostgreSQL, not in {found}.")
    if "password" in url.query or "@" in (url.host or ""):
        raise InputError(
            "Give the password in its own place, with %40 for @ in it: postgresql://user:password@host/name."
        )
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    return _url(_file_in(url)) if found == "sqlite" else url


def _file_in(url: URL) -> Path:
    if not url.database or url.database.startswith(":") or url.query:
        raise InputError("Name the file of the sessions itself, without sqlite:// before it.")
    return Path(url.database)


def _is_sealed(path: Path) -> bool:
    """Whether a file can be read but not written, such as an archived copy."""
    return path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def _engine_for_reading(url: URL) -> Engine:
    """A copy of the file in memory, brought up to date there; each connection has its own."""
    path = Path(str(url.database))
    copy = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        copy.deserialize(snapshot(path))
        engine = create_engine(url, creator=lambda: copy, poolclass=StaticPool)
        _bring_up_to_date(engine, True, False)
        content = copy.serialize()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}).") from error
    finally:
        copy.close()

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.deserialize(content)
        return connection

    return create_engine(url, creator=opened, poolclass=NullPool)


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        # A pooled connection would keep the file open, which Windows and network shares resent.
        return {"poolclass": NullPool, "connect_args": {"timeout": _PATIENCE_S}}
    try:
        import psycopg  # noqa: F401
    except ImportError:
        raise InputError("PostgreSQL needs psycopg: pip install 'napari-uncertainseg[postgresql]'.") from None
    return {
        "pool_pre_ping": True,  # a server that was restarted is found again
        "connect_args": {"connect_timeout": _PATIENCE_S, "options": f"-c lock_timeout={_PATIENCE_S}s"},
    }


def _prepare(connection: sqlite3.Connection, record: object) -> None:
    _prepare_any(connection)
    for pragma in ("foreign_keys = ON", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _prepare_to_read(connection: sqlite3.Connection, record: object) -> None:
    _prepare_any(connection)
    connection.execute("PRAGMA query_only = ON").close()


def _prepare_any(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None  # transactions begin as _begin says
    connection.text_factory = _text  # else one odd row would keep all others from being read
    connection.execute("PRAGMA trusted_schema = OFF").close()


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _begin_to_read(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin(connection: Any) -> None:
    """Take the right to write at once: two that read first and then wanted to write would both fail."""
    reading = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _bring_up_to_date(engine: Engine, backed_up: bool, create: bool) -> None:
    # Of a file the tables as they should be are made, too. Nobody waits for a server that does not answer.
    is_file = engine.url.get_backend_name() == "sqlite"
    with _ONE_AT_A_TIME if is_file else nullcontext():
        _migrate(engine, backed_up, create)


def _migrate(engine: Engine, backed_up: bool, create: bool) -> None:
    name, is_file = display_name(engine.url), engine.url.get_backend_name() == "sqlite"
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM sqlite_master" if is_file else "SELECT 1").close()
        config = _config()
        if is_file:
            now = version_of(connection.connection.driver_connection, config, name)  # type: ignore[arg-type]
        else:
            now = _version_of_server(connection, config, name)
    if now is None and not create:
        raise InputError(f"{name} holds no sessions yet; name the file or the server that does.")
    if is_file:
        _keep_safe(engine)
    if now == versions(config)[0]:
        return
    if now is not None and not backed_up:
        _back_up(engine, now)
    with _ONE_AT_A_TIME, engine.begin() as connection:
        from alembic import command

        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _keep_safe(engine: Engine) -> None:
    """Have a log beside the file, which the file remembers; not before it is known to be of this program."""
    with closing(engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA journal_mode = WAL").close()


def _version_of_server(connection: Connection, config: Config, name: str) -> str | None:
    from alembic.runtime.migration import MigrationContext

    now = MigrationContext.configure(connection).get_current_revision()
    if now is None and set(inspect(connection).get_table_names()) - {"alembic_version"}:
        raise InputError(f"{name} holds tables of another program; name a new file or database.")
    if now is not None and now not in versions(config):
        raise InputError(f"{name} was written by a newer version of this program: update it.")
    return now


def _back_up(engine: Engine, revision: str) -> None:
    if engine.url.get_backend_name() != "sqlite":
        raise InputError(
            f"{display_name(engine.url)} is of an older version: back it up (pg_dump), then run "
            "uncertainseg session migrate."
        )
    path = Path(str(engine.url.database))
    copy = path.with_name(f"{path.name}.{revision}.backup")
    with sqlite3.connect(path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    source.close()
    target.close()


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return config


def _why_no_disk(url: URL) -> str:
    """What SQLite does not tell: whether the disk is full, as its side files need space even to read."""
    with suppress(OSError):
        if shutil.disk_usage(Path(str(url.database).removeprefix("file:")).parent).free < _LEAST_FREE:
            return "the disk is full; free some space and try again."
    return "the disk or the network share does not answer; try again, or copy the file elsewhere."


def _sentence(url: URL, error: BaseException | None) -> str:
    said, name = str(error).strip(), display_name(url)
    reasons = {
        "locked": f"{name} is in use by another program; close it or try again.",
        "lock timeout": f"{name} is in use by another program; close it or try again.",
        "full": f"{name}: the disk is full; free some space and try again.",
        "readonly": f"{name} cannot be written; check the permissions of the file and its folder.",
        "unable to open": f"{name} cannot be opened; check the path and its permissions.",
        "not a database": f"{name} is not a database of sessions; name another file.",
        "malformed": f"{name} is damaged; go back to a backup.",
        "password": f"{name}: the server refuses user or password.",
        "connection": f"{name}: there is no connection to the server; check address and network.",
        "disk I/O": f"{name}: {_why_no_disk(url)}",
    }
    for sign, sentence in reasons.items():
        if sign.lower() in said.lower():
            return sentence
    first = masked(said, url).splitlines()[0] if said else type(error).__name__
    return f"{name}: {first}"
