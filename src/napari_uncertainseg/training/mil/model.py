"""Trained attention in a folder: numbers as safetensors, all else as JSON; nothing of it is executed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field

from napari_uncertainseg._base import InputError
from napari_uncertainseg.disk.checked_json import read_json
from napari_uncertainseg.disk.hashing import sha256_of
from napari_uncertainseg.disk.replaced_file import replaced_file
from napari_uncertainseg.disk.validation import Strict, validated
from napari_uncertainseg.networks.weights import bytes_of, check_fit, read_weights

if TYPE_CHECKING:
    from napari_uncertainseg.training.mil.attention import AttentionNetwork

DESCRIPTION, WEIGHTS = "mil.json", "mil.safetensors"
_MOST_BYTES = 1 << 20
_LARGEST = 1e30
"""Features may have any unit; the embedding reads them standardised."""
_Count = Annotated[int, Field(ge=0, le=10**9, description="a whole number of 0 or more")]
_Size = Annotated[int, Field(ge=1, le=4096, description="a whole number, 1 to 4096")]
_Name = Annotated[str, Field(min_length=1, max_length=1000, description="a text")]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="a SHA-256 of 64 characters")]
Kind = Literal["candidates", "patches"]
Group = Literal["patient", "source"]
_Number = Annotated[float | None, Field(description="a number, or null")]


class _Table(Strict):
    model_config = ConfigDict(strict=True, frozen=True, allow_inf_nan=False, extra="forbid")


class Needs(_Table):
    """The network whose encoder makes the features."""

    model: _Name
    network: Annotated[int, Field(ge=1, le=1000, description="a whole number, 1 to 1000")]
    weights_sha256: _Sha256
    stage: _Name


class InstanceKind(_Table):
    """What an instance is."""

    kind: Kind = Field(description="candidates or patches")
    patch_mm: float = Field(ge=1, le=1000, description="a number, 1 to 1000")


class LeftOutScore(_Table):
    """How well those that were left out are told apart.

    Attributes
    ----------
    group
        What was left out together, ``"patient"`` or ``"source"``.
    auc
        Area under the ROC curve of the visits' probabilities, with a 95 % interval from drawing patients
        anew; null where it is not defined.
    """

    group: Group = Field(description="patient or source")
    patients: _Count
    auc: _Number
    low: _Number
    high: _Number


class Learned(_Table):
    """What it was trained on, and how."""

    label: _Name
    patients: _Count
    visits: _Count
    with_label: _Count
    instances: _Count
    auxiliary: _Name
    rule: _Name
    auxiliary_weight: _Number
    steps: _Count
    seed: int = Field(description="a whole number")
    left_out: tuple[LeftOutScore, ...] = Field(max_length=2, strict=False, description="a list of scores")


class AttentionModel(_Table):
    """What `mil.json` holds."""

    version: Literal[1] = Field(description="1, the only version that this program knows")
    needs: Needs
    instances: InstanceKind
    features: _Size
    hidden: Annotated[int, Field(ge=1, le=256, description="a whole number, 1 to 256")]
    gates: Annotated[int, Field(ge=1, le=256, description="a whole number, 1 to 256")]
    members: Annotated[int, Field(ge=1, le=20, description="a whole number, 1 to 20")]
    learned: Learned
    weights_sha256: _Sha256


@dataclass(frozen=True, eq=False)
class TrainedAttention:
    """A description and its networks, in eval mode."""

    about: AttentionModel
    networks: tuple[AttentionNetwork, ...]


def save_attention(
    folder: Path,
    networks: Sequence[AttentionNetwork],
    *,
    needs: Needs,
    instances: InstanceKind,
    learned: Learned,
) -> TrainedAttention:
    """Write `mil.safetensors`, and then `mil.json` with its hash; each whole or not at all.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    from safetensors.torch import save

    state = {
        f"{number}.{name}": value.contiguous()
        for number, network in enumerate(networks)
        for name, value in network.state_dict().items()
    }
    content = save(state)
    first = networks[0]
    about = AttentionModel(
        version=1,
        needs=needs,
        instances=instances,
        features=len(first.centre),
        hidden=first.embedding.out_features,
        gates=first.gate.out_features,
        members=len(networks),
        learned=learned,
        weights_sha256=hashlib.sha256(content).hexdigest(),
    )
    text = json.dumps(about.model_dump(mode="json"), indent=1, allow_nan=False, ensure_ascii=False)
    with replaced_file(folder / WEIGHTS) as file:
        file.write(content)
    with replaced_file(folder / DESCRIPTION) as file:
        file.write(f"{text}\n".encode())
    return TrainedAttention(about, tuple(networks))


def read_description(folder: Path) -> AttentionModel:
    """What a folder says of the attention in it, whose numbers are there and unchanged. Without torch.

    Raises
    ------
    InputError
        If a file is missing, was changed, or holds something else.
    """
    if not (folder / DESCRIPTION).is_file():
        raise InputError(f"{folder} holds no {DESCRIPTION}; name a folder that `train-mil` wrote.")
    about = validated(
        AttentionModel, read_json(folder / DESCRIPTION, most_bytes=_MOST_BYTES), str(folder / DESCRIPTION)
    )
    path = folder / WEIGHTS
    if sha256_of(path) != about.weights_sha256:
        raise InputError(f"{path} is not the file that {DESCRIPTION} beside it describes: train again.")
    return about


def load_attention(folder: Path) -> TrainedAttention:
    """Read what `save_attention` wrote.

    Raises
    ------
    InputError
        As `read_description`, or if its numbers are not those of such networks.
    """
    from napari_uncertainseg.training.mil.attention import AttentionNetwork

    about, path = read_description(folder), folder / WEIGHTS
    networks = tuple(
        AttentionNetwork(about.features, about.hidden, about.gates) for _ in range(about.members)
    )
    expected = {
        f"{number}.{name}": value
        for number, network in enumerate(networks)
        for name, value in network.state_dict().items()
    }
    state = read_weights(path, most_bytes=bytes_of(expected))
    check_fit(state, expected, path, largest=_LARGEST)
    for number, network in enumerate(networks):
        network.load_state_dict({name: state[f"{number}.{name}"] for name in network.state_dict()})
    return TrainedAttention(about, tuple(network.eval() for network in networks))
