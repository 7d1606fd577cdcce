"""Inputs of every command that are there and cannot be used, and good ones beside them."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from napari_uncertainseg.cli.parser import _parser
from napari_uncertainseg.export import write_results
from napari_uncertainseg.images.files import write_volume
from napari_uncertainseg.images.volume import Grid
from napari_uncertainseg.uncertainty.lesion_ranking import rank_lesions

from .builders import predict_from_members

HEAVY = (
    "torch", "monai", "napari", "qtpy", "PyQt6", "pandas", "matplotlib", "sklearn", "skimage", "SimpleITK",
    "openvino", "scipy.ndimage", "scipy.stats", "scipy.optimize", "scipy.interpolate", "dask", "captum",
)  # fmt: skip
"""What is not needed to see that an input cannot be used, and takes a fifth of a second or more."""
SHAPE = (20, 24, 22)
_AFFINE = np.array([[0, 0, 2, -22], [0, 2, 0, -24], [2, 0, 0, -20], [0, 0, 0, 1.0]])


@dataclass(frozen=True)
class WrongInput:
    """A command line that ends with one sentence.

    Attributes
    ----------
    kind
        What is wrong.
    words
        Of the command line.
    says
        A part of the sentence.
    """

    kind: str
    words: tuple[str, ...]
    says: str

    @property
    def name(self) -> str:
        """For a message."""
        return f"{' '.join(self.words[:2])}: {self.kind}"


class Inputs:
    """A folder of files, good ones and others.

    Parameters
    ----------
    folder
        Where to.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.grid = Grid(SHAPE, _AFFINE)
        random = np.random.default_rng(0)
        self.lesions = np.zeros(SHAPE, np.uint8)
        self.lesions[8:11, 8:12, 8:11] = self.lesions[14:16, 15:18, 5:8] = 1
        scan = (random.normal(100, 5, SHAPE) + 80 * self.lesions).astype(np.float32)
        write_volume(self / "flair.nii.gz", scan, self.grid)
        write_volume(self / "mask.nii.gz", self.lesions, self.grid)
        other = np.zeros((20, 24, 30), np.uint8)
        other[5:9, 5:9, 5:9] = 1
        write_volume(self / "other-grid.nii.gz", other, Grid(other.shape, _AFFINE))
        (self / "text.nii.gz").write_text("no image\n")
        (self / "notes.txt").write_text("no image\n")
        (self / "cut.nii.gz").write_bytes((self / "flair.nii.gz").read_bytes()[:9000])
        (self / "empty").mkdir()
        self._results()
        self._tables()
        (self / "text.db").write_text("no database\n" * 100)
        (self / "list.json").write_text("[1, 2]\n")
        (self / "other.json").write_text('{"a": 1}\n')
        (self / "no.toml").write_text("= 1\n")
        (self / "unknown.toml").write_text("[network]\nno_such_key = 1\n")

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def _results(self) -> None:
        random = np.random.default_rng(1)
        values = np.clip(random.normal(0.05, 0.02, (3, *SHAPE)) + 0.85 * self.lesions, 0.001, 0.999)
        made = predict_from_members(values.astype(np.float16), grid=self.grid)
        write_results(self / "results", made, rank_lesions(made, 0.5, 3.0))
        shutil.copytree(self / "results", self / "changed")
        for name in ("probability", "lesions"):
            shutil.copyfile(self / "mask.nii.gz", self / "changed" / f"{name}.nii.gz")
        shutil.copytree(self / "results", self / "damaged")
        (self / "damaged" / "summary.json").write_text("{")

    def _tables(self) -> None:
        def table(name: str, /, **columns: list[str]) -> None:
            pd.DataFrame(columns).to_csv(self / name, sep="\t", index=False)

        table("columns.tsv", a=["1"], b=["2"])
        table("missing.tsv", folder=["nowhere"], reference=["mask.nii.gz"], flair=["nowhere.nii.gz"],
              patient=["p"], acquisition=["a"], label=["1"])  # fmt: skip
        table("no-results.tsv", folder=["empty"], reference=["mask.nii.gz"], flair=["empty/a.nii.gz"],
              patient=["p"], acquisition=["a"], label=["1"])  # fmt: skip
        table("blank.tsv", folder=["results", ""], reference=["mask.nii.gz", "mask.nii.gz"],
              flair=["flair.nii.gz", ""], patient=["p", "q"], acquisition=["a", "b"], label=["1", "0"],
              name=["a", "b"])  # fmt: skip
        table("twice.tsv", folder=["results", "results"], reference=["mask.nii.gz", "mask.nii.gz"],
              patient=["p", "q"], acquisition=["a", "b"], label=["1", "0"])  # fmt: skip
        table("good.tsv", folder=["results"], reference=["mask.nii.gz"], patient=["p"], acquisition=["a"],
              label=["1"])  # fmt: skip
        table("gone-reference.tsv", folder=["results"], reference=["nowhere.nii.gz"])
        table("scores.tsv", case=["a", "b"], model=["m", "m"], dice=["0.5", "high"])
        table("scores-good.tsv", case=["a", "b", "a", "b"], model=["m", "m", "n", "n"],
              dice=["0.5", "0.6", "0.4", "0.3"])  # fmt: skip
        (self / "excel.tsv").write_bytes(b"PK\x03\x04" + bytes(100))
        (self / "commas.tsv").write_text("folder,reference\na,b\n")

    @staticmethod
    def commands() -> Iterator[str]:
        """Every command that reads something, but for the benchmark."""
        for name, parser in _leaves(_parser()):
            if parser.get_default("reads"):
                yield name

    def wrong(self) -> list[WrongInput]:
        """One for each command and kind of input that it reads."""
        found: list[WrongInput] = []

        def add(kind: str, says: str, *words: object) -> None:
            found.append(WrongInput(kind, tuple(str(word) for word in words), says))

        out, new = self / "new", self / "new.tsv"
        self._images(add, out)
        self._results_of(add, out, new)
        self._listed(add, out, new)
        self._sessions(add, out, new)
        self._models(add, out)
        return found

    def _images(self, add, out: Path) -> None:
        scan, mask, other = self / "flair.nii.gz", self / "mask.nii.gz", self / "other-grid.nii.gz"
        bad = {
            "text for a scan": (self / "text.nii.gz", "text.nii.gz"),
            "a scan that is cut off": (self / "cut.nii.gz", "cut.nii.gz"),
            "another kind of file": (self / "notes.txt", "notes.txt"),
            "a folder without scans": (self / "empty", "empty"),
        }
        for kind, (path, says) in bad.items():
            add(kind, says, "view", path)
            add(kind, says, "segment", path, "--out", out)
            add(f"{kind}, t1", says, "segment", scan, "--t1", path, "--out", out)
            add(f"{kind}, mask", says, "segment", scan, "--mask", path, "--out", out)
            add(f"{kind}, probabilities", says, "segment", scan, "--probabilities", path, "--out", out)
            add(f"{kind}, reference", says, "evaluate", self / "results", "--reference", path)
            add(f"{kind}, rater", says, "evaluate", self / "results", "--reference", mask, "--rater", path)
            add(f"{kind}, region", says, "explain", self / "results", "--region", path, "--out", out)
            add(
                f"{kind}, series",
                says,
                "export-seg",
                self / "results",
                "--dicom",
                path,
                "--out",
                f"{out}.dcm",
            )
            add(
                f"{kind}, map",
                says,
                "radiomics",
                self / "results",
                "--map",
                "sal",
                path,
                "--out",
                f"{out}.tsv",
            )
        add("a mask for a scan", "label image", "segment", mask, "--out", out)
        add("a scan for a mask", "mask or label image", "segment", scan, "--mask", scan, "--out", out)
        add("another grid, mask", "grid", "segment", scan, "--mask", other, "--out", out)
        add("another grid, maps", "other-grid", "segment", scan, "--probabilities", other, "--out", out)
        for words in (
            ("evaluate", self / "results", "--reference", other),
            ("evaluate", self / "results", "--reference", mask, "--rater", other),
            ("explain", self / "results", "--region", other, "--out", out),
        ):
            add("another grid", "grid", *words)
        add("no such volume", "--volume", "segment", scan, "--volume", 3, "--out", out)
        add(
            "t1 given twice",
            "given before",
            "segment",
            scan,
            "--t1",
            scan,
            "--scan",
            "t1",
            scan,
            "--out",
            out,
        )
        add(
            "target of maps",
            "--target",
            "segment",
            scan,
            "--probabilities",
            mask,
            "--target",
            "a",
            "--out",
            out,
        )
        add("an unknown target", "no classes", "segment", scan, "--target", "liver", "--out", out)
        add("a scan the model does not read", "adc", "segment", scan, "--scan", "adc", scan, "--out", out)
        add("a folder that holds something", "results", "segment", scan, "--out", self / "results")
        add("two folders of results", "One folder", "view", self / "results", self / "changed")
        add("a file for a folder", "text.db", "demo", "--headless", "--out", self / "text.db")
        add("a run of one folder's scans", "no folder with one", "run", self / "empty", "--out", out)

    def _results_of(self, add, out: Path, new: Path) -> None:
        commands = {
            "evaluate": ("evaluate", "{}", "--reference", self / "mask.nii.gz"),
            "explain": ("explain", "{}", "--lesion", 1, "--out", out),
            "drivers": ("drivers", "{}", "--out", out),
            "places": ("places", "{}", "--out", new),
            "radiomics": ("radiomics", "{}", "--out", new),
            "refine apply": ("refine", "apply", self / "other.json", "{}", "--out", new),
            "export-seg": ("export-seg", "{}", "--dicom", self / "empty", "--out", f"{out}.dcm"),
            "export-shapes": ("export-shapes", "{}", "--out", out),
            "attention": ("attention", "{}", "--mil", self / "empty", "--out", out),
            "session adjudicate": ("session", "adjudicate", self / "text.db", "{}", "--out", out),
        }
        for words in commands.values():
            kinds = ("empty", "damaged", "changed")
            for kind in kinds[:2] if words[0] == "drivers" else kinds:  # it is told of many when each is read
                filled = [self / kind if word == "{}" else word for word in words]
                add(f"results: {kind}", "", *filled)
        good = self / "results"
        add("nothing to explain", "--lesion", "explain", good, "--out", out)
        add("results of no model", "no model made", "explain", good, "--lesion", 9, "--out", out)
        add("a folder that is there", "never replaced", "explain", good, "--lesion", 1, "--out", good)
        add("no refinement", "list.json", "refine", "apply", self / "list.json", good, "--out", new)
        add("another file", "other.json", "refine", "apply", self / "other.json", good, "--out", new)
        add("no trained attention", "empty", "attention", good, "--mil", self / "empty", "--out", out)
        add("two ways for places", "--places", "export-shapes", good, "--places", "--places-from",
            self / "good.tsv", "--out", out)  # fmt: skip
        add("places without columns", "label", "export-shapes", good, "--places-from",
            self / "columns.tsv", "--out", out)  # fmt: skip
        add("folder and cases", "--cases", "evaluate", good, "--cases", self / "good.tsv")
        add("no reference", "--reference", "evaluate", good)
        add("no classes", "classes", "evaluate", good, "--reference", self / "mask.nii.gz", "--label-map")

    def _listed(self, add, out: Path, new: Path) -> None:
        commands = {
            "run": ("run", "{}", "--out", out),
            "evaluate": ("evaluate", "--cases", "{}"),
            "calibrate": ("calibrate", "{}", "--out", f"{out}.json"),
            "rank": ("rank", "{}", "--out", out),
            "audit groups": ("audit", "groups", "{}", "--by", "sex", "--out", out),
            "audit attributes": ("audit", "attributes", "{}", "--by", "sex", "--out", out),
            "audit stability": ("audit", "stability", "{}", "--out", out),
            "audit patients": ("audit", "patients", "{}", "--out", out),
            "audit challenge": ("audit", "challenge", "{}", "--out", out),
            "drivers": ("drivers", "{}", "--out", out),
            "refine fit": ("refine", "fit", "{}", "--out", f"{out}.json"),
            "refine fit, kept": ("refine", "fit", "{}", "--with-model"),
            "session simulate": ("session", "simulate", "{}"),
            "session new": ("session", "new", "--from", "{}", self / "new.db"),
            "train-mil": ("train-mil", "{}", "--out", out),
            "imitated": ("audit", "stability", "--imitate", "{}", "--keep", self / "kept", "--out", out),
        }
        tables = ("columns", "excel", "commas", "missing", "no-results", "blank", "twice", "gone-reference")
        may_be_there_twice = ("evaluate", "calibrate", "refine fit", "refine fit, kept", "session simulate")
        unusable = ("missing", "no-results", "blank")  # rows that a run leaves out and lists
        for name, words in commands.items():
            for table in tables:
                fine = {
                    "twice": may_be_there_twice,
                    "gone-reference": ("drivers",),
                    **dict.fromkeys(unusable, ("run",)),
                }
                if name in fine.get(table, ()):
                    continue
                filled = [self / f"{table}.tsv" if word == "{}" else word for word in words]
                add(f"table: {table}", "", *filled)
        scores = self / "scores-good.tsv"
        add("scores that are none", "high", "rank", self / "scores.tsv", "--out", out)
        add("an unknown metric", "no_such", "rank", scores, "--metric", "no_such", "--out", out)
        add("an unknown way", "no-such", "rank", scores, "--method", "no-such", "--out", out)
        add("a weight of nothing", "no_such", "rank", scores, "--weight", "no_such=1", "--out", out)
        add(
            "features without columns",
            "columns",
            "rank",
            scores,
            "--features",
            self / "columns.tsv",
            "--out",
            out,
        )
        add("a record that is none", "other.json", "audit", "patients", self / "good.tsv", "--record",
            self / "other.json", "--out", out)  # fmt: skip
        add("bands of another column", "--bands", "audit", "groups", self / "good.tsv", "--by", "patient",
            "--bands", "age=3", "--out", out)  # fmt: skip
        add("nothing to compare", "--imitate", "audit", "stability", "--out", out)
        add("an unknown way", "no-such", "audit", "stability", "--imitate", self / "flair.nii.gz", "--ways",
            "no-such", "--keep", self / "kept", "--out", out)  # fmt: skip
        add("many members", "--members", "train-mil", self / "good.tsv", "--members", 50, "--out", out)
        add("an unknown model", "no-such", "run", self / "good.tsv", "--model", "no-such", "--out", out)

    def _sessions(self, add, out: Path, new: Path) -> None:
        text = self / "text.db"
        add("no database", "text.db", "session", "list", text)
        add("no database", "text.db", "session", "verify", text)
        add("no database", "text.db", "session", "export", text, "--out", new)
        add("no database", "text.db", "session", "report", text, "--out", f"{out}.html")
        add("no database", "text.db", "session", "adjudicate", text, self / "results", "--out", out)
        add("no list of a run", "good.tsv", "session", "new", "--from", self / "good.tsv", text)
        add("no server", "", "session", "migrate", text)
        add("a kind of server that is unknown", "", "session", "migrate", "nosuch://me@host/db")
        add("names and none", "--json", "session", "export", text, "--out", new, "--json", f"{out}.json",
            "--without-names")  # fmt: skip
        add("no reading", "one reading", "session", "simulate", self / "good.tsv", "--repeats", 0)

    def _models(self, add, out: Path) -> None:
        for path in (self / "empty", self / "text.db", "no-such-model"):
            kind = "no model" if path != "no-such-model" else "no model of that name"
            add(kind, "", "models", "show", path)
            add(kind, "", "segment", self / "flair.nii.gz", "--model", path, "--out", out)
            add(kind, "", "explain", self / "results", "--lesion", 1, "--model", path, "--out", out)
            add(
                kind,
                "",
                "audit",
                "attributes",
                self / "good.tsv",
                "--by",
                "sex",
                "--model",
                path,
                "--out",
                out,
            )
            add(kind, "", "train-mil", self / "good.tsv", "--model", path, "--out", out)
            add(
                kind,
                "",
                "attention",
                self / "results",
                "--mil",
                self / "empty",
                "--model",
                path,
                "--out",
                out,
            )
        add("no model", "empty", "models", "add", self / "empty")
        add("no model in a zip file", "text.db", "models", "add", self / "text.db")
        add("no configuration", "no.toml", "train", self / "no.toml")
        add("a missing key", "name", "train", self / "unknown.toml")
        add("another kind of file", "text.db", "train", self / "text.db")


def _leaves(parser: argparse.ArgumentParser, name: str = "") -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for action in below:
        for word, own in action.choices.items():
            yield from _leaves(own, f"{name} {word}".strip())
    if not below:
        yield name, parser


def in_order(words: Sequence[str]) -> str:
    """The command of a command line, with its part or action where it has some."""
    return " ".join(words[: 2 if words[0] in ("audit", "refine", "session", "models") else 1])
