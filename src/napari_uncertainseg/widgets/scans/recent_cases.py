"""The cases that were opened last: paths in a small file, and nothing else."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.replaced_file import replaced_file

logger = logging.getLogger(__name__)

MOST = 10
"""Cases that are remembered."""
_MOST_BYTES = 1_000_000
_MOST_PATHS = 20
"""Of one case."""

RecentCase = tuple[Path, ...]
"""The scans of a case, the FLAIR first; or its folder of results."""


def recent_file() -> Path:
    """Where the list is kept."""
    return Path(platformdirs.user_state_dir("napari-uncertainseg", appauthor=False)) / "recent-cases.json"


class RecentCases:
    """The list, the latest first; shared by all windows through its file.

    A file that cannot be read is an empty list, and one that cannot be written stays as it is: nobody
    must be kept from reading a scan by that.

    Parameters
    ----------
    path
        Of the file, which need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def listed(self) -> list[RecentCase]:
        """The cases, the latest first, at most `MOST`."""
        try:
            said = read_json(self._path, most_bytes=_MOST_BYTES).get("cases") if self._path.exists() else []
        except (InputError, OSError):
            said = []
        cases = [_parsed(each) for each in said] if isinstance(said, list) else []
        return [case for case in cases if case][:MOST]

    def add(self, case: Sequence[Path]) -> None:
        """Put a case first; another entry with the same first path is replaced."""
        kept = _parsed([os.path.abspath(path) for path in case])  # noqa: PTH100 - links stay what they are
        if kept:
            self._write([kept, *(other for other in self.listed() if other[0] != kept[0])][:MOST])

    def clear(self) -> None:
        """Forget all."""
        self._write([])

    def _write(self, cases: list[RecentCase]) -> None:
        text = json.dumps({"cases": [[str(path) for path in case] for case in cases]}, indent=1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            new = self._path.with_suffix(".new")
            new.unlink(missing_ok=True)
            with replaced_file(new) as file:
                file.write(text.encode())
            new.chmod(0o600)  # where a user has which scans is nobody else's business
            new.replace(self._path)
        except (InputError, OSError) as error:
            logger.warning("The list of recent cases was not saved: %s", error)


def _parsed(said: object) -> RecentCase:
    if not isinstance(said, list):
        return ()
    paths = [Path(each) for each in said[:_MOST_PATHS] if isinstance(each, str) and _is_text(each)]
    return tuple(path for path in paths if path.is_absolute())


def _is_text(path: str) -> bool:
    """Whether a path can be kept in a file of text; a name may hold halves of characters."""
    return "\0" not in path and path.isprintable()


def missing(case: RecentCase) -> str:
    """Why a case cannot be opened any more, in a few words; empty where it can. For any thread."""
    for path in case:
        try:
            os.stat(path)  # noqa: PTH116 - Path.exists hides why
        except FileNotFoundError:
            return "not there any more" if path is case[0] else f"{path.name} is not there any more"
        except PermissionError:
            return "may not be read"
        except (OSError, ValueError):
            return "cannot be reached"
    return ""
