"""Networks converted to OpenVINO, and the cache that holds them.

A converted network is kept in the user's cache, under the hash of its weights, its shape and the code that
made it. What is damaged there is made anew. Torch is imported only where something must be converted: a
network from the cache runs without it.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import shutil
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from napari_uncertainseg.disk.folder_lock import scratch_beside
from napari_uncertainseg.networks.engines.openvino_import import import_openvino
from napari_uncertainseg.networks.engines.rewritten.merged_upsampling import merge_upsampling

if TYPE_CHECKING:
    import openvino

    from napari_uncertainseg.networks.multihead import MultiHeadUNet
    from napari_uncertainseg.networks.multihead_parts import Part

_CODE = (
    "multihead.py",
    "multihead_parts.py",
    "normalisation.py",
    "without_torch/multihead_sizes.py",
    "engines/rewritten/merged_upsampling.py",
)
"""Modules of `networks` that decide, with this one, what a converted network is."""


def is_cached(key: str) -> bool:
    """Whether any part of a network is in the cache: its weights have been read, and looked at, before.

    Parameters
    ----------
    key
        Hash of the weights and of the network's shape.
    """
    return any(cache_folder().glob(f"{key[:32]}-*-{_code_version()}/sha256"))


def converted(
    network: Callable[[], MultiHeadUNet], part: Part, key: str, *, merged: bool = True
) -> openvino.Model:
    """One part of a network as an OpenVINO graph, from the cache where it is there and whole.

    Parameters
    ----------
    network
        Builds it, in eval mode, float32, on the CPU; called only where the cache does not have it.
    part
        What the graph does.
    key
        Hash of the weights and of the network's shape.
    merged
        Whether steps that can be one are one; otherwise each convolution is the network's own.
    """
    openvino = import_openvino()
    folder = cache_folder() / f"{key[:32]}-{part}{'' if merged else '-apart'}-{_code_version()}"
    with contextlib.suppress(RuntimeError, OSError, ValueError):
        if (folder / "sha256").read_text() == _digest(folder):
            return openvino.Core().read_model(folder / "graph.xml")
    shutil.rmtree(folder, ignore_errors=True)
    graph = _convert(network, part)
    if merged:
        graph = merge_upsampling(graph)
    # A cache that cannot be written (read-only home, full disk) costs time, not the run.
    with contextlib.suppress(OSError, RuntimeError):
        _save(graph, folder)
    return graph


def _convert(network: Callable[[], MultiHeadUNet], part: Part) -> openvino.Model:
    from napari_uncertainseg.networks.multihead_parts import convert  # loads torch

    return convert(network(), part)


def cache_folder() -> Path:
    """Where converted networks are kept."""
    return Path(platformdirs.user_cache_dir("napari-uncertainseg", appauthor=False)) / "openvino"


@cache
def _code_version() -> str:
    """Hash of what else a converted network depends on: code and libraries."""
    files = [*(Path(__file__).parents[1] / name for name in _CODE), Path(__file__)]
    code = [code_of(file.read_text(encoding="utf-8")) for file in files]
    versions = [import_openvino().__version__, _torch_version()]
    return hashlib.sha256("\0".join(code + versions).encode()).hexdigest()[:16]


def _torch_version() -> str:
    try:
        return version("torch")
    except PackageNotFoundError:  # built by hand: only torch itself knows
        import torch

        return torch.__version__


def code_of(source: str) -> str:
    """What a Python source does, without comments, docstrings and layout.

    Another comment in the network's code must not make every user compile anew.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            # The texts that stand alone, those below constants too: they do nothing.
            node.body = [part for part in node.body if not _is_text(part)] or [ast.Pass()]
    return ast.dump(tree)


def _is_text(part: ast.stmt) -> bool:
    return (
        isinstance(part, ast.Expr)
        and isinstance(part.value, ast.Constant)
        and isinstance(part.value.value, str)
    )


def _digest(folder: Path) -> str:
    """Hash of a converted network's files: OpenVINO reads damaged weights without complaint."""
    content = (folder / name for name in ("graph.xml", "graph.bin"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in content)).hexdigest()


def _save(graph: openvino.Model, folder: Path) -> None:
    """Write a graph so that it is in the cache whole or not at all."""
    openvino = import_openvino()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(folder) as scratch:
        openvino.save_model(graph, scratch / "graph.xml", compress_to_fp16=False)
        (scratch / "sha256").write_text(_digest(scratch))
        scratch.replace(folder)
