"""What makes a folder a model.

A model is a folder with ``model.json``, one or more weight files (several make an ensemble) and
``MODEL_CARD.md``. Nothing in it is ever executed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.modalities import MODALITIES
from napari_uncertainseg.networks.weights import bytes_of, check_fit, read_weights

if TYPE_CHECKING:
    from napari_uncertainseg.networks.multihead import MultiHeadUNet

CONFIGURATION = "model.json"
CARD = "MODEL_CARD.md"
INTENSITIES = "tissue"
"""How the scans that weights learnt from were normalised, FLAIRs against their tissue: `images.normalise`."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Names of models and of their files: nothing that leads out of a folder."""

MAX_CONFIGURATION_BYTES = 1 << 20
MAX_CARD_BYTES = 1 << 20
MAX_WEIGHT_BYTES = 2 << 30
MAX_PARAMETERS = 250_000_000

_WEIGHT_SUFFIXES = (".safetensors", ".pt", ".pth")


@dataclass(frozen=True)
class Model:
    """A segmentation model as it lies on disk.

    Attributes
    ----------
    name
        What the user calls it.
    folder
        Where it lies.
    configuration
        The content of ``model.json``.
    weights
        Weight files; several make an ensemble.
    threshold
        Probability at and above which a voxel is lesion, the model's own default.
    spacing
        Isotropic voxel size that the network was trained at, mm.
    modalities
        Roles of the input channels, in their order; always with ``"flair"``.
    smoothing
        Standard deviation of the Gaussian that the FLAIR is smoothed with before it is read, voxels.
    temperature
        Logits are divided by it.
    dropout
        Probability with which ``mc-dropout`` drops a channel.
    """

    name: str
    folder: Path
    configuration: Mapping[str, Any]
    weights: tuple[Path, ...]
    threshold: float
    spacing: float
    modalities: tuple[str, ...]
    smoothing: float = 0.0
    temperature: float = 1.0
    dropout: float = 0.1

    def __len__(self) -> int:
        """Number of networks; more than one is an ensemble."""
        return len(self.weights)

    @property
    def sha256(self) -> str:
        """Hash of the weights: of the file, or of the files' hashes when there are several."""
        digests = [self.weight_sha256(i) for i in range(len(self))]
        return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()

    def weight_sha256(self, index: int = 0) -> str:
        """Hash of one weight file."""
        path = self.weights[index]
        state = path.stat()
        return _sha256(path, state.st_size, state.st_mtime_ns, state.st_ino)

    def card(self) -> str:
        """What the model card says; a sentence where it cannot be read. A link is not followed."""
        path = self.folder / CARD
        if path.is_symlink() or not path.is_file():
            return f"{CARD} is a link, and is not followed." if path.is_symlink() else f"There is no {CARD}."
        try:
            if path.stat().st_size > MAX_CARD_BYTES:
                return f"{CARD} is larger than 1 MB, and is not read."
            return path.read_text(encoding="utf-8", errors="replace").strip()
        except OSError as error:
            return f"{CARD} cannot be read ({error.strerror or error})."

    @property
    def heads(self) -> int:
        """Number of heads of each network."""
        return int(self.configuration["architecture"]["heads"])

    @property
    def features(self) -> tuple[int, ...]:
        """Channels per resolution, finest first."""
        return tuple(self.configuration["architecture"]["features"])

    @property
    def thin(self) -> bool:
        """Whether full resolution is thin, see `MultiHeadUNet`."""
        return bool(self.configuration["architecture"].get("thin", False))

    def network(self, index: int = 0) -> MultiHeadUNet:
        """Build one network with its weights.

        Returns
        -------
        MultiHeadUNet
            float32, on the CPU, in eval mode.

        Raises
        ------
        InputError
            If the weights are corrupt, would run code, or do not fit the architecture.
        """
        path = self.weights[index]
        network = _build(self)
        expected = network.state_dict()
        state = read_weights(path, most_bytes=bytes_of(expected))
        check_fit(state, expected, path)
        network.load_state_dict({name: value.float() for name, value in state.items()}, assign=True)
        return network.eval()


def read_model(folder: str | Path) -> Model:
    """Read a model folder without loading its weights.

    Raises
    ------
    InputError
        If ``model.json`` is missing or malformed, or names weights that may not be used.
    """
    folder = Path(folder).expanduser()
    if folder.is_file():
        raise InputError(f"'{folder}' is a file: give the model's folder, the one with {CONFIGURATION}.")
    content = _read_configuration(folder)
    check = _Fields(content, folder / CONFIGURATION)
    name = check("name", lambda v: isinstance(v, str) and NAME.fullmatch(v), "a plain name, like 'my-model'")
    check("version", lambda v: isinstance(v, str), "text")
    check("description", lambda v: isinstance(v, str), "text")
    _check_architecture(check("architecture", lambda v: isinstance(v, dict), "an object"), folder)
    modalities = check("modalities", _is_modalities, f"a list from {list(MODALITIES)} with 'flair' in it")
    check(
        "intensities",
        lambda v: v == INTENSITIES,
        f'"{INTENSITIES}": weights that learnt from otherwise normalised scans must be trained again',
    )
    names = check(
        "weights", lambda v: isinstance(v, list) and 0 < len(v) <= 64, "a list of 1 to 64 file names"
    )
    weights = tuple(_weight_file(folder, name) for name in names)
    if len({w.name for w in weights}) != len(weights):
        raise InputError(f"{folder / CONFIGURATION}: 'weights' names a file twice.")
    return Model(
        name=name,
        folder=folder,
        configuration=content,
        weights=weights,
        threshold=float(check("threshold", _is_number(0, 1), "a number between 0 and 1")),
        spacing=float(check("spacing", _is_number(0.2, 10), "a voxel size between 0.2 and 10 mm")),
        modalities=tuple(modalities),
        smoothing=float(check("smoothing", _is_number(-1e-9, 3), "a number from 0 to 3, in voxels", 0.0)),
        temperature=float(check("temperature", _is_number(0.01, 100), "a number between 0.01 and 100", 1.0)),
        dropout=float(check("dropout", _is_number(0, 0.95), "a number between 0 and 0.95", 0.1)),
    )


class _Fields:
    """Takes fields out of a configuration, and says which one is wrong and what would be right."""

    def __init__(self, content: Mapping[str, Any], path: Path) -> None:
        self._content, self._path = content, path

    def __call__(self, key: str, valid: Callable[[Any], Any], right: str, default: Any = None) -> Any:
        value = self._content.get(key, default)
        if value is None:
            raise InputError(f"{self._path}: '{key}' is missing, it should be {right}.")
        if not valid(value):
            raise InputError(f"{self._path}: '{key}' should be {right}.")
        return value


def _is_integer(value: Any, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _is_number(low: float, high: float) -> Callable[[Any], bool]:
    def valid(value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        return low < value < high

    return valid


def _is_modalities(value: Any) -> bool:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        return False
    return len(set(value)) == len(value) and set(value) <= set(MODALITIES) and "flair" in value


def _check_architecture(architecture: Mapping[str, Any], folder: Path) -> None:
    check = _Fields(architecture, folder / CONFIGURATION)
    check("kind", lambda v: v == "multihead-unet", "'multihead-unet'")
    check("heads", lambda v: _is_integer(v, 1, 64), "an integer from 1 to 64")
    check("thin", lambda v: isinstance(v, bool), "true or false", False)
    check(
        "features",
        lambda v: isinstance(v, list) and 2 <= len(v) <= 7 and all(_is_integer(f, 1, 2048) for f in v),
        "a list of 2 to 7 integers from 1 to 2048",
    )


def _read_configuration(folder: Path) -> dict[str, Any]:
    path = folder / CONFIGURATION
    if not path.is_file():
        raise InputError(f"'{folder}' is not a model: it has no {CONFIGURATION}.")
    _check_inside(path, f"{path} is")
    return read_json(path, most_bytes=MAX_CONFIGURATION_BYTES)


def _check_inside(path: Path, what: str) -> None:
    """Refuse a file that lies elsewhere; what a link within the folder leads to may be used."""
    if path.resolve().parent != path.parent.resolve():
        raise InputError(f"{what} a link that leads out of the model's folder.")


def _weight_file(folder: Path, name: Any) -> Path:
    """Path of a weight file; its name may not lead out of the folder."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InputError(
            f"{folder / CONFIGURATION}: weights {name!r} should be a plain file name in the folder."
        )
    if not name.endswith(_WEIGHT_SUFFIXES):
        raise InputError(f"{folder / CONFIGURATION}: weights '{name}' should be a .safetensors file.")
    path = folder / name
    if not path.is_file():
        raise InputError(f"The weights '{path}' are missing.")
    _check_inside(path, f"The weights '{path}' are")
    if path.stat().st_size > MAX_WEIGHT_BYTES:
        raise InputError(f"The weights '{path}' are larger than 2 GB: this is no model of this kind.")
    return path


def _build(model: Model) -> MultiHeadUNet:
    """Build a network on the meta device: no memory is taken before its size is known."""
    import torch

    from napari_uncertainseg.networks.multihead import MultiHeadUNet

    with torch.device("meta"):
        network = MultiHeadUNet(len(model.modalities), model.features, model.heads, thin=model.thin)
    if sum(p.numel() for p in network.parameters()) > MAX_PARAMETERS:
        raise InputError(f"{model.folder / CONFIGURATION}: 'features' make a network of absurd size.")
    return network


@lru_cache(maxsize=64)
def _sha256(path: Path, size: int, modified: int, inode: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
