"""Rows on idle windows: what is made of the shares that the processes print, and where there is no screen."""

from __future__ import annotations

import pytest

from napari_uncertainseg.bench import idle
from napari_uncertainseg.bench.screen import NoScreen


def test_a_row_is_what_a_window_takes_more_than_bare_napari(monkeypatch) -> None:
    asked: list[str] = []
    shares = {"bare": 0.001, "empty": 0.003, "review": 0.0005}

    def printed_by(code: str) -> float:
        asked.append(code)
        return next(share for state, share in shares.items() if f"idle({state!r}, 5)" in code)

    monkeypatch.setattr(idle, "printed_by", printed_by)
    empty, review = idle.rows(5, turns=2)
    assert len(asked) == 2 * len(idle.STATES)
    assert empty.ratio == pytest.approx(0.2) and review.ratio == 0  # per cent of a core; never less than none
    assert "0.30% of a core against 0.10%" in empty.measured


def test_without_a_screen_there_are_no_rows_and_it_is_said(monkeypatch, capsys) -> None:
    def printed_by(code: str) -> float:
        raise NoScreen("there is no screen, and no xvfb-run to make one")

    monkeypatch.setattr(idle, "printed_by", printed_by)
    assert idle.rows(5) == []
    assert capsys.readouterr().err == (
        "Idle windows were not measured: there is no screen, and no xvfb-run to make one.\n"
    )
