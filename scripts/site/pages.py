"""Pages of the site that are not in docs/: the files beside README.md, and a page for each package's API."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "napari_uncertainseg"
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "README.md", "LICENSE")
NOT_SHOWN = {"migrations", "templates"}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages to what mkdocs has found in docs/."""
    for name in BESIDE:
        text = (ROOT / name).read_text(encoding="utf-8")
        page = name if name.endswith(".md") else f"{name}.md"
        files.append(File.generated(config, page, content=_links_from_the_root(text)))
    for package in _packages():
        files.append(File.generated(config, _page_of(package), content=_api_page(package)))
    files.append(File.generated(config, "api/index.md", content=_index()))
    return files


def on_nav(nav: Any, config: Any, files: Files) -> Any:
    """Keep the order of the configuration."""
    return nav


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links from docs/ to the files beside README.md lead to their pages."""
    for name in BESIDE:
        page_name = name if name.endswith(".md") else f"{name}.md"
        markdown = re.sub(rf"\]\(\.\./{re.escape(name)}", f"]({page_name}", markdown)
    return markdown


def _links_from_the_root(text: str) -> str:
    return re.sub(r"\]\(docs/", "](", text)


def _packages() -> list[Path]:
    """Folders of the package that hold modules, and the package itself."""
    folders = [path.parent for path in PACKAGE.rglob("__init__.py")]
    return sorted(folder for folder in folders if not NOT_SHOWN & set(folder.relative_to(PACKAGE).parts))


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _page_of(package: Path) -> str:
    return f"api/{_dotted(package)}.md"


def _modules(package: Path) -> list[Path]:
    return sorted(path for path in package.glob("*.py") if not path.name.startswith("_"))


def _api_page(package: Path) -> str:
    name = _dotted(package)
    parts = [f"# `{name}`\n", f"{_first_line(package / '__init__.py')}\n"]
    parts += [
        f"## `{_dotted(module)}`\n\n::: {_dotted(module)}\n    options: {{heading_level: 3}}\n"
        for module in _modules(package)
    ]
    return "\n".join(parts)


def _index() -> str:
    rows = [
        f"| [`{_dotted(package)}`]({_dotted(package)}.md) | {_first_line(package / '__init__.py')} |"
        for package in _packages()
    ]
    return "\n".join(
        [
            "# API",
            "",
            "One page for each package, made from the docstrings.",
            "",
            "| package | holds |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.split("\n")[0]
