"""`make docs` builds the documents and the API pages as a site, in build/site; every warning is an error."""

from __future__ import annotations

import ast
import re
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "src" / "napari_uncertainseg"
BESIDE = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
"""Documents at the top of the repository that the site shows, too."""

project = "napari-uncertainseg"
author = "napari-uncertainseg developers"
copyright = author
version = release = version_of("napari-uncertainseg")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
root_doc = "site"
exclude_patterns = ["data", "images"]
html_theme = "furo"
html_title = f"{project} {version}"
html_copy_source = False
myst_heading_anchors = 4
myst_enable_extensions = ["strikethrough"]
default_role = "code"
suppress_warnings = ["ref.python"]  # names of attributes are short: several classes have a title
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # signatures show them
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_mock_imports = ["openvino", "deepbet", "ignite", "monai", "highdicom"]
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True


def setup(app: Any) -> None:
    """Write the pages that are not in docs/, and turn links between them."""
    pages = Path(app.srcdir) / "api"
    pages.mkdir(exist_ok=True)
    packages = _packages()
    for package in packages:
        _write(pages / f"{_dotted(package)}.rst", _api_page(package))
    _write(pages / "index.rst", _api_index(packages))
    for name in BESIDE:
        text = (ROOT / name).read_text(encoding="utf-8")
        _write(Path(app.srcdir) / "repository" / name, _from_the_root(text))
    _write(Path(app.srcdir) / "site.rst", _contents())
    app.connect("source-read", _link_to_the_repository)


def _from_the_root(text: str) -> str:
    """Links of a document beside README.md, as they are in ``repository/``; the licence is no page."""
    text = re.sub(r"\[([^\]]+)\]\(LICENSE\)", r"\1", text)
    return re.sub(r"\]\(docs/", "](../", text)


def _link_to_the_repository(app: Any, name: str, source: list[str]) -> None:
    """Links from docs/ to what lies above it lead to the site's copies."""
    if not name.startswith(("repository/", "api/")):
        source[0] = re.sub(r"\]\(\.\./(\w+\.md)", r"](repository/\1", source[0])


def _contents() -> str:
    """The first page, which only lists the others: readers of the files themselves have index.md."""
    pages = ["index", "tour", "reading-room", "command-line"]
    pages += [
        "models",
        "models-zoo",
        "models-nnunet",
        "cohorts",
        "scale",
        "explain",
        "places",
        "shapes",
        "drivers",
        "attention",
        "radiomics",
        "audit",
        "methods",
        "results",
        "version7",
        "performance",
        "training",
    ]
    pages += ["experiments", "raters", "beside-others", "architecture", "api/index"]
    pages += [f"repository/{name.removesuffix('.md')}" for name in BESIDE]
    return "\n".join(
        [_heading(project, "="), ".. toctree::", "   :maxdepth: 1\n", *(f"   {p}" for p in pages), ""]
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _packages() -> list[Path]:
    folders = (path.parent for path in PACKAGE.rglob("__init__.py"))
    return sorted(folder for folder in folders if "migrations" not in folder.parts)


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _heading(text: str, mark: str) -> str:
    return f"{text}\n{mark * len(text)}\n"


def _api_page(package: Path) -> str:
    """One page for a package: its docstring, and each of its public modules."""
    parts = [_heading(f"``{_dotted(package)}``", "="), f"{_first_line(package / '__init__.py')}\n"]
    for module in sorted(package.glob("*.py")):
        if not module.name.startswith("_"):
            name = _dotted(module)
            parts += [_heading(f"``{name}``", "-"), f".. automodule:: {name}\n"]
    return "\n".join(parts)


def _api_index(packages: list[Path]) -> str:
    lines = [_heading("API", "="), "One page for each package, made from the docstrings.\n"]
    lines += [".. toctree::", "   :maxdepth: 1\n"]
    return "\n".join([*lines, *(f"   {_dotted(package)}" for package in packages), ""])


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n")[0]
