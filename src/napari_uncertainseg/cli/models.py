"""``uncertainseg models``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg._base import one_line

if TYPE_CHECKING:
    from napari_uncertainseg.networks.model import Model


def models(options: Namespace) -> None:
    """List the models, show one, or add one."""
    {"list": _list, "show": _show, "add": _add}[options.action or "list"](options)


def _list(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import list_models, unusable_models

    print(f"{'name':24}{'scans':16}{'networks':>8}{'threshold':>11}  description")
    for model in list_models():
        scans, networks = "+".join(model.modalities), model.capabilities.networks
        description = one_line(model.description)
        print(f"{model.name:24}{scans:16}{networks:>8}{model.threshold:>11.2f}  {description}")
    for name, why in unusable_models().items():
        print(f"{name:24}cannot be used: {one_line(why)}")


def _show(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import find_model

    model = find_model(options.name)
    for key, value in _facts(model).items():
        print(f"{key:12} {value}")
    print(f"\n{model.card()}")


def _add(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import add_model

    model = add_model(options.path)
    print(f"added {model.name}: {model.folder}")


def _recalibrated(model: Model) -> str:
    """For which methods, in the order in which they are looked for."""
    lines = [
        f"{', '.join(one.methods) or 'all methods'}{' with ' * bool(one.inputs)}{' + '.join(one.inputs)}"
        for one in model.recalibrations
    ]
    return "; ".join(lines) or "no"


def _facts(model: Model) -> dict[str, object]:
    return {
        "name": model.name,
        "folder": model.folder,
        "scans": ", ".join(model.modalities),
        "networks": model.capabilities.networks,
        "spacing": f"{model.preprocessing.spacing:g} mm",
        "threshold": f"{model.threshold:g}",
        "recalibrated": _recalibrated(model),
        "has seen": "not said" if model.seen is None else ", ".join(model.seen.sources),
        "sha256": model.sha256,
    }
