"""``uncertainseg models``."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from napari_uncertainseg._base import one_line

if TYPE_CHECKING:
    from napari_uncertainseg.networks.foreign_settings import ForeignSettings

_NEXT = f"\n{'':13}"
"""Between lines of one fact."""


def models(options: Namespace) -> None:
    """List the models, show one, or add one."""
    {"list": _list, "show": _show, "add": _add}[options.action or "list"](options)


def _list(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import list_models, unusable_models

    print(f"{'name':23} {'scans':15} {'networks':>8}{'threshold':>11}  description")
    for model in list_models():
        scans, networks = "+".join(model.modalities), model.capabilities.networks
        description = one_line(model.description)
        print(f"{model.name:23} {scans:15} {networks:>8}{model.threshold:>11.2f}  {description}")
    for name, why in unusable_models().items():
        print(f"{name:23} cannot be used: {one_line(why)}")


def _show(options: Namespace) -> None:
    from napari_uncertainseg.inference.model_facts import model_facts
    from napari_uncertainseg.networks.catalog import find_model

    model = find_model(options.name)
    for key, value in model_facts(model).items():
        print(f"{key:12} {value.replace(chr(10), _NEXT)}")
    print(f"\n{model.card()}")


def _add(options: Namespace) -> None:
    from napari_uncertainseg.networks.catalog import add_model

    model = add_model(options.path, options.kind, _told(options))
    print(f"added {model.name}: {model.folder}")


def _told(options: Namespace) -> ForeignSettings:
    """What the user says of the model, checked."""
    from napari_uncertainseg.disk.validation import validated
    from napari_uncertainseg.networks.foreign_settings import ForeignSettings

    said = {
        "name": options.name,
        "scans": {channel: scan for scan, channel in options.scan or ()} or None,
        "target": options.target,
        "threshold": options.threshold,
        "merged": options.merge,
    }
    return validated(ForeignSettings, {k: v for k, v in said.items() if v is not None}, "models add")
