"""Signals of three kinds are let go of at once."""

from napari.utils.events import EmitterGroup
from psygnal import Signal
from qtpy.QtCore import QObject
from qtpy.QtCore import Signal as QtSignal

from napari_uncertainseg.widgets.shared.connections import Connections


class Psygnal:
    told = Signal()


class Qt(QObject):
    told = QtSignal()


def test_all_are_disconnected_once(qapp):
    heard = []
    ours, qt, napari = Psygnal(), Qt(), EmitterGroup(told=None)

    def listen(*args):
        heard.append(1)

    connections = Connections((ours.told, listen), (qt.told, listen))
    connections.connect(napari.told, listen)
    ours.told.emit(), qt.told.emit(), napari.told()
    assert len(heard) == 3
    connections.disconnect_all()
    connections.disconnect_all()
    ours.told.emit(), qt.told.emit(), napari.told()
    assert len(heard) == 3
