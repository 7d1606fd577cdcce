"""Networks converted to OpenVINO, and the cache that holds them.

A converted network is kept in the user's cache, under the hash of its weights and of the code that made
it. What is damaged there is made anew.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import platformdirs
import torch
from torch import Tensor, nn

from napari_uncertainseg.disk.folder_lock import scratch_beside
from napari_uncertainseg.networks.engines.openvino_import import import_openvino

if TYPE_CHECKING:
    import openvino

    from napari_uncertainseg.networks.multihead import MultiHeadUNet

Part = Literal["heads", "layers", "encode", "decode"]


class Layers(nn.Module):
    """Heads and depths of one plain pass, together at full resolution."""

    def __init__(self, network: MultiHeadUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Logits (1, styles * (heads + depths), z, y, x)."""
        heads, deeper = self.network.decode_layers(self.network.encode(image))
        return torch.cat([heads, self.network.depths(heads, deeper)], dim=1)


class _Encode(nn.Module):
    def __init__(self, network: MultiHeadUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return self.network.encode(image)


class _Decode(nn.Module):
    """`decode` with laterals and masks as one flat list of inputs."""

    def __init__(self, network: MultiHeadUNet) -> None:
        super().__init__()
        self.network = network
        self.split = len(network.features)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.network.decode(inputs[: self.split], inputs[self.split :])


def converted(network: MultiHeadUNet, part: Part, key: str) -> openvino.Model:
    """One part of a network as an OpenVINO graph, from the cache where it is there and whole.

    Parameters
    ----------
    network
        In eval mode, float32, on the CPU.
    part
        What the graph does.
    key
        Hash of the weights.
    """
    openvino = import_openvino()
    folder = cache_folder() / f"{key[:32]}-{part}-{_code_version()}"
    with contextlib.suppress(RuntimeError, OSError, ValueError):
        if (folder / "sha256").read_text() == _digest(folder):
            return openvino.Core().read_model(folder / "graph.xml")
    shutil.rmtree(folder, ignore_errors=True)
    graph = _convert(network, part)
    # A cache that cannot be written (read-only home, full disk) costs time, not the run.
    with contextlib.suppress(OSError, RuntimeError):
        _save(graph, folder)
    return graph


def _convert(network: MultiHeadUNet, part: Part) -> openvino.Model:
    example = torch.zeros(1, network.in_channels, *[2 * network.smallest] * 3)
    if part == "decode":
        with torch.no_grad():
            laterals = network.encode(example)
        masks = [torch.ones(shape) for shape in network.mask_shapes]
        return _trace(_Decode(network), (*laterals, *masks))
    modules: dict[str, nn.Module] = {"heads": network, "layers": Layers(network), "encode": _Encode(network)}
    return _trace(modules[part], (example,))


def cache_folder() -> Path:
    """Where converted networks are kept."""
    return Path(platformdirs.user_cache_dir("napari-uncertainseg", appauthor=False)) / "openvino"


def _code_version() -> str:
    """Hash of all but the weights that a converted network depends on: code and libraries."""
    from napari_uncertainseg.networks import multihead, normalisation

    files = (str(multihead.__file__), str(normalisation.__file__), __file__)
    code = [code_of(Path(file).read_text(encoding="utf-8")) for file in files]
    versions = [import_openvino().__version__, torch.__version__]
    return hashlib.sha256("\0".join(code + versions).encode()).hexdigest()[:16]


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


def _trace(module: nn.Module, example: tuple[Tensor, ...]) -> openvino.Model:
    openvino = import_openvino()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tracing warns of Python values, which are constants of the network
        return openvino.convert_model(module.eval(), example_input=example)


def _save(graph: openvino.Model, folder: Path) -> None:
    """Write a graph so that it is in the cache whole or not at all."""
    openvino = import_openvino()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_beside(folder) as scratch:
        openvino.save_model(graph, scratch / "graph.xml", compress_to_fp16=False)
        (scratch / "sha256").write_text(_digest(scratch))
        scratch.replace(folder)
