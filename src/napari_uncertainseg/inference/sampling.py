"""Methods: where the members of a prediction come from.

Each method is a generator of members. They share one table, :data:`METHODS`, which the window and the
command line read too.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from array_api_compat import array_namespace

from napari_uncertainseg._base import InputError
from napari_uncertainseg.inference.arrays.draws import TorchDraws
from napari_uncertainseg.inference.arrays.either import flipped, mean_and_variance, sigmoid
from napari_uncertainseg.inference.sweep.heads import Opinions
from napari_uncertainseg.inference.tiling import Job, Window, Windows
from napari_uncertainseg.networks.engines.class_outputs import ClassOutputs
from napari_uncertainseg.networks.engines.engine import Array, Engine
from napari_uncertainseg.networks.model import Capabilities, Model
from napari_uncertainseg.networks.recalibration import LogitLine

MAX_SAMPLES = 500


@dataclass(frozen=True, eq=False)
class Pass:
    """Members that one pass of the network gives.

    Attributes
    ----------
    members
        Probabilities, (members of this pass, z, y, x).
    disagreement
        Population variance over the network's heads of all styles in this pass, (z, y, x).
    """

    members: Array
    disagreement: Array


@dataclass(frozen=True, eq=False)
class HeadsPass:
    """One pass of the network as it gave it, before its probabilities are known.

    Attributes
    ----------
    logits
        float32 (heads, z, y, x); who takes the pass may overwrite them.
    line
        How they are moved before they become probabilities.
    opinions
        Which of them the members come from.
    """

    logits: Array
    line: LogitLine
    opinions: Opinions

    def finished(self) -> Pass:
        """Its members, and the variance over all heads."""
        heads = sigmoid(self.logits, self.line)
        chosen = list(self.opinions.heads)
        used = heads if chosen == list(range(len(heads))) else heads[chosen]
        if self.opinions.averaged:
            return mean_pass(heads, used)
        return Pass(used, mean_and_variance(heads)[1])


@dataclass(frozen=True, eq=False)
class ClassPass:
    """One member of a network with several classes, before its probabilities are known.

    Attributes
    ----------
    logits
        float32 (classes, z, y, x).
    classes
        What they are.
    """

    logits: Array
    classes: ClassOutputs


@dataclass(frozen=True, eq=False)
class SamplingSetting:
    """What a method works with.

    Attributes
    ----------
    model
        The model under way.
    windows
        Of a network of the model, by its index.
    members
        How many members to give.
    seed
        Of whatever is drawn at random.
    line
        How the logits of this method are moved in this scan.
    """

    model: Model
    windows: Callable[[int], Windows]
    members: int
    seed: int = 0
    line: LogitLine = LogitLine()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class Method:
    """One way to get several members.

    Attributes
    ----------
    name
        As the command line takes it.
    title, description
        As the window shows them.
    passes
        Gives the passes one by one.
    most
        Largest number of members with a model of such capabilities; 0 where it cannot be used.
    needs
        What a model must have, where not every model has it.
    usual
        Members when the user names no number, where it can give as many.
    note
        What a result says of the method, where the user must know it.
    """

    name: str
    title: str
    description: str
    passes: Callable[[SamplingSetting], Iterator[Pass | HeadsPass | ClassPass]]
    most: Callable[[Capabilities], int]
    needs: str = ""
    usual: int = MAX_SAMPLES
    note: str = ""

    def usual_members(self, model: Capabilities) -> int:
        """Members when the user names no number."""
        return min(self.usual, self.most(model))


def check_method(name: str, model: Model, members: int | None) -> tuple[Method, int]:
    """Find a method and the number of its members.

    Raises
    ------
    InputError
        If there is no such method, it cannot be used with the model, or cannot give so many members; or the
        model brings a recalibration for a method that does not exist.
    """
    if name not in METHODS:
        raise InputError(f"There is no method '{name}': choose one of {', '.join(METHODS)}.")
    named = {method for one in model.recalibrations for method in one.methods}
    if named - set(METHODS):
        raise InputError(
            f"The model '{model.name}' has a recalibration for the method '{min(named - set(METHODS))}': "
            f"it should be for some of {', '.join(METHODS)}."
        )
    method = METHODS[name]
    most = method.most(model.capabilities)
    if most == 0:
        raise InputError(
            f"The method {name} needs {method.needs}, which the model '{model.name}' does not have: "
            "choose another method or model."
        )
    count = method.usual_members(model.capabilities) if members is None else members
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise InputError(f"The number of members should be an integer of at least 1, not {members!r}.")
    if count > most:
        raise InputError(
            f"The method {name} gives at most {most} members with the model '{model.name}', not {count}."
        )
    return method, count


def mean_pass(heads: Array, used: Array | None = None) -> Pass:
    """One member, the mean of the heads, and their variance.

    Parameters
    ----------
    heads
        Probabilities, float32 (heads, z, y, x).
    used
        Those of them that the member comes from, where it is not all.
    """
    mean, variance = mean_and_variance(heads)
    member = mean if used is None else mean_and_variance(used)[0]
    return Pass(member[None], variance)


def _one_member(logits: Array, windows: Windows, setting: SamplingSetting) -> HeadsPass | ClassPass:
    """One member of what a network gave.

    Models of several classes are made elsewhere and bring no recalibration, so that their logits stay.
    """
    if windows.classes is not None:
        return ClassPass(logits, windows.classes)
    used = tuple(_heads_of_styles(len(logits), setting.model.capabilities).ravel().tolist())
    return HeadsPass(logits, setting.line, Opinions(used, averaged=True))


def _of_styles(outputs: Array, model: Capabilities) -> Array:
    """Outputs (styles * n, z, y, x) of the styles that are used, (styles, n, z, y, x)."""
    xp = array_namespace(outputs)
    return xp.reshape(outputs, (model.styles, -1, *outputs.shape[1:]))[model.styles_used]


def _heads_of_styles(count: int, model: Capabilities) -> np.ndarray:
    """Numbers of the heads of the styles that are used, (styles, heads of each)."""
    return np.arange(count).reshape(model.styles, -1)[model.styles_used]


def one_pass(setting: SamplingSetting) -> Iterator[Pass | HeadsPass | ClassPass]:
    """Members are the heads of one plain pass (EDUE, arXiv 2403.16594)."""
    windows = setting.windows(0)
    logits = windows.run(lambda engine, window: engine.heads(window.image))
    if windows.classes is not None:
        yield ClassPass(logits, windows.classes)
        return
    used = _heads_of_styles(len(logits), setting.model.capabilities)
    if setting.members < setting.model.capabilities.opinions:  # the first heads of each style, not all of one
        used = used.T
    chosen = tuple(used.ravel()[: setting.members].tolist())
    yield HeadsPass(logits, setting.line, Opinions(chosen))


def layers(setting: SamplingSetting) -> Iterator[Pass]:
    """Members are the decoder's depths, from one plain pass (layer ensembles, arXiv 2203.08878)."""
    logits = setting.windows(0).run(lambda engine, window: engine.layers(window.image))
    p = sigmoid(logits, setting.line)
    model = setting.model.capabilities
    count = model.heads * model.styles
    styles = _of_styles(p[count:], model)
    depths = array_namespace(styles).mean(styles, axis=0)
    yield Pass(depths[: setting.members], mean_and_variance(p[:count])[1])


def mc_dropout(setting: SamplingSetting) -> Iterator[Pass | HeadsPass | ClassPass]:
    """Members are passes with channels dropped at random; the encoder runs once (arXiv 1506.02142).

    With several windows the encoder runs anew for each, and a member has the same masks in all of them. In
    networks made elsewhere their own dropout layers drop, in the encoder too, so that all of it runs anew.
    """
    windows = setting.windows(0)
    generator = TorchDraws(setting.seed)
    for _ in range(setting.members):
        drawn: list[Job] = []

        def drop(engine: Engine, window: Window, drawn: list[Job] = drawn) -> Array:
            if not drawn:
                drawn.append(_draw_pass(engine, setting.model.capabilities.dropout, generator))
            return drawn[0](engine, window)

        yield _one_member(windows.run(drop), windows, setting)


def _draw_pass(engine: Engine, p: float, generator: TorchDraws) -> Job:
    """A pass for all windows of a member, with what it drops drawn."""
    if not engine.mask_shapes:
        seed = generator.whole(2**62)
        return lambda engine, window: engine.dropped(window.image, seed)
    masks = draw_masks(engine, p, generator)
    return lambda engine, window: engine.decode(window.encoded(engine), masks)


def draw_masks(engine: Engine, p: float, generator: TorchDraws) -> list[np.ndarray]:
    """Channel-dropout masks: 0 with probability `p`, otherwise ``1 / (1 - p)``."""
    kept = (generator.uniform(shape) >= np.float32(p) for shape in engine.mask_shapes)
    return [each.astype(np.float32) / np.float32(1 - p) for each in kept]


FLIPS = tuple(
    sorted(itertools.chain.from_iterable(itertools.combinations((3, 2, 1), n) for n in range(4)), key=len)
)
"""Axes to flip, counted after the channels; none and left-right come first, several at once last."""


def flips(setting: SamplingSetting) -> Iterator[Pass | HeadsPass | ClassPass]:
    """Members are plain passes of the scan flipped along its axes, and flipped back (arXiv 1807.07356)."""
    windows = setting.windows(0)
    for axes in FLIPS[: setting.members]:

        def run(engine: Engine, window: Window, axes: tuple[int, ...] = axes) -> Array:
            image = flipped(window.image, tuple(1 + axis for axis in axes))
            return flipped(engine.plain(image), axes)

        yield _one_member(windows.run(run), windows, setting)


def ensemble(setting: SamplingSetting) -> Iterator[Pass | HeadsPass | ClassPass]:
    """Members are networks that were trained apart (arXiv 1612.01474)."""
    for index in range(setting.members):
        windows = setting.windows(index)
        logits = windows.run(lambda engine, window: engine.heads(window.image))
        yield _one_member(logits, windows, setting)


METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method(
            "one-pass",
            "One pass",
            "The network's heads, each of which imitates a rater: the fastest.",
            one_pass,
            most=lambda model: model.opinions,
        ),
        Method(
            "layers",
            "Layers",
            "The decoder's depths, coarse to fine, from one pass. "
            "Their mean finds fewer and smaller lesions than One pass.",
            layers,
            most=lambda model: model.layers,
            needs="an output at each depth of the decoder",
            note="The method Layers takes the mean of the decoder's depths: it finds fewer and smaller "
            "lesions than One pass, so take volumes from One pass.",
        ),
        Method(
            "mc-dropout",
            "Dropout samples",
            "Passes with parts of the network dropped at random.",
            mc_dropout,
            most=lambda model: MAX_SAMPLES if model.dropout else 0,
            needs="channels that can be dropped",
            usual=10,
        ),
        Method(
            "flips",
            "Flips",
            "The scan flipped along its axes, up to 8 ways.",
            flips,
            most=lambda model: len(FLIPS),
        ),
        Method(
            "ensemble",
            "Ensemble",
            "Several networks that were trained apart; the model must have more than one.",
            ensemble,
            most=lambda model: model.networks if model.networks > 1 else 0,
            needs="several networks that were trained apart",
        ),
    )
}
"""All methods by name."""
