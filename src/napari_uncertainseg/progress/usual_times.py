"""What each step of a run takes as a rule: measured once for everybody, and kept for this machine."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import platformdirs

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.progress.times import Spreads, Usual

DEFAULTS: Mapping[str, float] = {
    "import": 0.8,
    "read": 0.2,
    "align": 0.055,
    "register": 6.0,
    "skull": 0.015,
    "brain": 2.8,
    "bias": 3.5,
    "normalise": 0.005,
    "steps of the model": 0.1,
    "network": 2.0,
    "ready": 0.6,
    "trial": 0.2,
    "first pass": 0.7,
    "first pass/mc-dropout": 0.5,
    "first pass/new": 2.0,
    "first pass/new/mc-dropout": 2.0,
    "passes": 0.45,
    "passes/mc-dropout": 0.28,
    "maps": 0.025,
    "features": 0.055,
    "lesions": 0.2,
    "lesions/written": 0.12,
    "write": 0.1,
    "visits": 10.0,
}
"""Seconds for one unit of a step, on a machine of which nothing is known: see docs/performance.md.

A key may be made finer by what follows a slash: what is not known of it is taken from the coarser one.
"""
_KINDS: Mapping[str, str] = {
    "import": "files",
    "read": "files",
    "network": "files",
    "write": "files",
    "align": "arrays",
    "skull": "arrays",
    "normalise": "arrays",
    "steps of the model": "arrays",
    "maps": "arrays",
    "features": "arrays",
    "lesions": "arrays",
    "brain": "registration",
    "register": "registration",
    "bias": "registration",
    "ready": "files",
    "trial": "network",
    "first pass": "network",
    "passes": "network",
}
"""What a step has to wait for: steps of one kind are slow or fast together."""
_MEMORY = 5
"""Runs after which an older one hardly counts."""
_MOST_MACHINES, _MOST_STEPS = 20, 200
_FILE, _MOST_BYTES = "step-times.json", 1_000_000
"""Larger than so many steps of so many machines can be: what is written is read again."""
_LEAST, _LARGEST = 1e-6, 1e6
"""Seconds a unit that are believed."""


class UsualTimes:
    """Seconds by step, as defaults and this machine's own runs say.

    A file that is missing, damaged, of another program or not to be written does no harm: the defaults count.

    Parameters
    ----------
    path
        The file; None for one that is neither read nor written.
    machine
        Whose times count, among those in the file: folders of users may be shared by machines.
    spreads
        How far apart machines and steps are; as was measured if None.
    """

    def __init__(
        self, path: Path | None = None, machine: str | None = None, spreads: Spreads | None = None
    ) -> None:
        self._path = path
        self.lasting = path is not None and _can_be_written(path)
        self.spreads = spreads or Spreads()
        self._machine = this_machine() if machine is None else machine
        self._kept = _usable(_read(path).get(self._machine))

    @property
    def known(self) -> bool:
        """Whether anything was measured on this machine."""
        return any(runs for _, runs in self._kept.values())

    def wants_trial(self, keys: Iterable[str]) -> bool:
        """Whether steps are worth a trial: of some nothing is known, and what is found will be kept."""
        room = len(self._kept) < _MOST_STEPS
        return self.lasting and room and any(key not in self._kept for key in keys)

    @cached_property
    def kept(self) -> tuple[Usual, ...]:
        """What was measured or tried on this machine before this run, for one unit of each step."""
        return tuple(
            Usual(key, _kind(key), seconds, _default(key), runs)
            for key, (seconds, runs) in self._kept.items()
        )

    def usual(self, key: str, size: float) -> Usual | None:
        """What a step takes as a rule: measured here, or else by the table; None where neither has its kind.

        Parameters
        ----------
        key
            Its kind, finer after each slash: ``"members/one-pass/bundled"``.
        size
            How much there is to do, in the units that the step is measured in.
        """
        seconds, runs = self._kept.get(key, (0.0, 0))
        if runs:
            return Usual(key, _kind(key), seconds * size, runs=runs)
        default = _default(key)
        return None if default is None else Usual(key, _kind(key), default * size)

    def learn(self, seconds: Mapping[str, float]) -> None:
        """Take in what one unit of each step has taken in a run that is over, and write it down."""
        self.__dict__.pop("kept", None)
        for key, took in seconds.items():
            if _LEAST <= took <= _LARGEST and (key in self._kept or len(self._kept) < _MOST_STEPS):
                before, count = self._kept.get(key, (took, 0))
                # The first time is like no other: libraries are loaded, and networks converted.
                weight = 1 / min(max(count, 1), _MEMORY)
                mean = (1 - weight) * math.log(before) + weight * math.log(took)
                self._kept[key] = math.exp(mean), count + 1
        self._keep(seconds)

    def learn_trial(self, seconds: Mapping[str, float]) -> None:
        """Take in what one unit of each step seems to take by a trial, where it was never measured."""
        self.__dict__.pop("kept", None)
        for key, took in seconds.items():
            new = not self._kept.get(key, (0.0, 0))[1]
            if new and _LEAST <= took <= _LARGEST and (key in self._kept or len(self._kept) < _MOST_STEPS):
                self._kept[key] = took, 0
        self._keep(seconds)

    def _keep(self, seconds: Mapping[str, float]) -> None:
        if self._path is not None and seconds:
            with suppress(OSError, InputError):  # a full or read-only disk is no reason to say anything
                self._write(self._path)

    def _write(self, path: Path) -> None:
        others = {name: kept for name, kept in _read(path).items() if name != self._machine}
        others = dict(list(others.items())[1 - _MOST_MACHINES :])
        machines = {name: _usable(kept) for name, kept in others.items()} | {self._machine: self._kept}
        entries = {
            name: {key: {"seconds": round(took, 6), "runs": runs} for key, (took, runs) in kept.items()}
            for name, kept in machines.items()
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        try:
            new.write_text(json.dumps({"version": 1, "machines": entries}, indent=1), encoding="utf-8")
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


def times_of_user() -> UsualTimes:
    """Those in the user's cache."""
    return UsualTimes(platformdirs.user_cache_path("napari-uncertainseg", appauthor=False) / _FILE)


def this_machine() -> str:
    """A name of this machine that says nothing of it to others."""
    host = hashlib.sha256(platform.node().encode("utf-8", "replace")).hexdigest()[:12]
    return f"{platform.machine()}, {os.cpu_count() or 1} cores, {host}"


def _can_be_written(path: Path) -> bool:
    """Whether a file can be made or replaced, as far as that is seen without trying."""
    with suppress(OSError):
        above = next(one for one in path.parents if one.exists())
        return above.is_dir() and os.access(above, os.W_OK) and not path.is_dir()
    return False


def _kind(key: str) -> str:
    first = key.partition("/")[0]
    return _KINDS.get(first, first)


def _default(key: str) -> float | None:
    while key not in DEFAULTS:
        key, slash, _ = key.rpartition("/")
        if not slash:
            return None
    return DEFAULTS[key]


def _read(path: Path | None) -> dict[str, Any]:
    """What a file has of machines; empty where it has nothing that could be used."""
    if path is None:
        return {}
    with suppress(InputError, OSError):
        machines = read_json(path, most_bytes=_MOST_BYTES).get("machines")
        if isinstance(machines, dict):
            return machines
    return {}


def _usable(kept: object) -> dict[str, tuple[float, int]]:
    """Seconds and runs by key, of those entries that can be believed; 0 runs where it was only tried."""
    found: dict[str, tuple[float, int]] = {}
    for key, entry in kept.items() if isinstance(kept, dict) else ():
        said = entry if isinstance(entry, dict) else {}
        seconds, runs = _number(said.get("seconds")), _number(said.get("runs"))
        if _LEAST <= seconds <= _LARGEST and runs >= 0:
            found[key] = seconds, int(min(runs, 1000))
    return dict(list(found.items())[:_MOST_STEPS])


def _number(value: object) -> float:
    """A number, or -1 for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return -1.0
    return float(value)
