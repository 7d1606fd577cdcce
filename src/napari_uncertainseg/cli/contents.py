"""What a command reads is looked into before anything heavy is imported: by the very gates of its readers.

An option says by `options.declare.reads` what its file or folder holds. What depends on several options, a
command looks at itself, in its first lines.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from napari_uncertainseg.cli.options.declare import MODEL, RESULTS, RESULTS_WITH_MEMBERS, SCAN


def check_contents(options: Namespace) -> None:
    """See that what a command reads can be read.

    Raises
    ------
    InputError
        With the first file or folder that cannot.
    """
    holds: Mapping[str, str] = getattr(options, "holds", {})
    for name, kind in holds.items():
        value = getattr(options, name, None)
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                _GATES[kind](one[-1] if isinstance(one, list) else one, options)  # of a name and a file


def _check_results(folder: str | Path, options: Namespace) -> None:
    from napari_uncertainseg.disk.result_folder import load_summary, result_file

    load_summary(Path(folder))
    result_file(Path(folder), "lesions.nii.gz")


def _check_with_members(folder: str | Path, options: Namespace) -> None:
    from napari_uncertainseg.disk.result_folder import (
        MAP_OF_ALL,
        check_has_members,
        load_summary,
        result_file,
    )

    load_summary(Path(folder))
    check_has_members(Path(folder))
    result_file(Path(folder), MAP_OF_ALL)


def _check_scan(path: str | Path, options: Namespace) -> None:
    from napari_uncertainseg.images.scans import check_scan

    check_scan(Path(path), options.volume)


def _check_model(name: str | Path, options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import find_model

    find_model(name)


_GATES: Mapping[str, Callable[[str | Path, Namespace], None]] = MappingProxyType(
    {
        RESULTS: _check_results,
        RESULTS_WITH_MEMBERS: _check_with_members,
        SCAN: _check_scan,
        MODEL: _check_model,
    }
)
