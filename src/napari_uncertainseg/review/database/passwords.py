"""Passwords in what a user types as the place of the sessions: found, and never told."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus, unquote

from napari_uncertainseg._base import InputError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

IN_SIGHT = (
    "A password on the command line is seen by all who use this computer, in its list of processes: keep it "
    "in ~/.pgpass or in PGPASSWORD."
)
_SERVER = re.compile(
    r"\s*(?:[a-z][a-z0-9+.-]+:|//)"  # postgresql:/..., postgres:..., //user:..., but not a drive, C:/...
    r"|.*?\b(?:host|hostaddr|user|password|sslpassword|passfile|dbname)\s*="
    r"|.*?:[^/\\@]+@",
    re.I | re.S,
)
_PASSWORD = re.compile(r":[^/\\@]+@|\b\w*pass\w*\s*=", re.I)


def check_target(target: str) -> None:
    """Refuse what was meant to be a server and is no URL, without a word of it: it may hold a password.

    Raises
    ------
    InputError
        If it is neither ``postgresql://...`` nor the path of a file.
    """
    if "://" not in target and _SERVER.match(target) and not os.path.exists(target):  # noqa: PTH110
        raise InputError(
            "This is no database URL and no file that is there; postgresql://user@host/name is a URL, with "
            "the password in ~/.pgpass or in PGPASSWORD."
        )


def may_be_server(target: str) -> bool:
    """Whether what was typed may be meant for a server: then no message may repeat it."""
    return "://" in target or bool(_SERVER.match(target))


def has_password(target: str) -> bool:
    """Whether a target that was typed has a password in it."""
    return bool(_SERVER.match(target)) and any(map(_PASSWORD.search, (target, unquote(target))))


def without_secrets(url: URL) -> str:
    """A URL as it may be shown: with neither its password nor its options, which may hold one."""
    user = (url.username or "").partition(":")[0] or None
    return url.set(username=user, query={}).render_as_string(hide_password=True)


def masked(text: str, url: URL) -> str:
    """A text without the secrets of a URL, as they are or with signs in place of letters."""
    values = [url.password, (url.username or "").partition(":")[2]]
    for value in url.query.values():
        values += [value] if isinstance(value, str) else list(value)
    secrets = {form for v in values if v for form in (str(v), quote(str(v)), quote_plus(str(v)))}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
