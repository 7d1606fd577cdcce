"""Which controls have no name for programs that read the screen aloud."""

from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QScrollBar,
    QTextEdit,
    QWidget,
)

KINDS = (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)
COMPOUND = (QAbstractSpinBox, QComboBox, QAbstractItemView)


def in_compound(widget):
    """Whether it belongs to another control, as the list of a box of choices does."""
    parent = widget.parent()
    return parent is not None and (isinstance(parent, COMPOUND) or in_compound(parent))


def has_name(widget, labelled):
    words = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
    return any(sign.isalpha() for sign in words) or widget in labelled


def interactive(root):
    return [
        widget
        for widget in root.findChildren(QWidget)
        if isinstance(widget, KINDS)
        and not isinstance(widget, QScrollBar)
        and not widget.objectName().startswith("qt_")
        and not in_compound(widget)
        and not (isinstance(widget, QAbstractButton) and not widget.text() and not widget.isVisibleTo(root))
    ]


def nameless(root):
    labelled = {label.buddy() for label in root.findChildren(QLabel)}
    return [
        " ".join((type(widget).__name__, widget.objectName(), repr(widget.toolTip())))
        for widget in interactive(root)
        if not has_name(widget, labelled)
    ]
