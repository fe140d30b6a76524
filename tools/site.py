"""Hooks of ``mkdocs.yml``: the site has pages that are files outside of ``docs/``.

``README.md`` is the home page. Every other file of the repository that a page links to, such as
``../CONTRIBUTING.md``, ``../roles/mngr_files/README.md`` or ``../examples/manifest.yml``, becomes a page of the site,
and so does what these link to. Links and pictures are written for the repository; here they are rewritten for the site,
and ``mkdocs build --strict`` then checks them all. A link whose text is the name of a file gets the title of its page.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
_HOME = "README.md"
_BOOST = {
    "reference/command-line.md": 3.0,
    **dict.fromkeys(("CHANGELOG.md", "architecture.md", "contract.md", "decisions.md"), 0.3),
    **dict.fromkeys(("awx.md", "promises.md", "security.md"), 0.3),
}
"""Page → how much its hits count in the search, where that is not 1: guides come before proofs and reasons."""
_LINK = re.compile(r"(?:\[([\w./`-]*)|)\]\((?!\w+:|#)([^)#\s]+)(#[^)\s]*)?\)")
"""The text of a link where it is one word, its target, and its anchor."""
_PICTURE = re.compile(
    r'<picture>\s*<source media="\(prefers-color-scheme: dark\)" srcset="([^"]+)">\s*(<img [^>]*>)\s*</picture>'
)
_CODE = re.compile(r"^(`{3,}).*?^\1", re.MULTILINE | re.DOTALL)
_LANGUAGES = {".yml": "yaml", ".toml": "toml", ".py": "python", ".sh": "sh", ".json": "json"}


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Called once, with the files of ``docs/``: add the pages that are elsewhere in the repository."""
    queue = [_HOME, *(f"docs/{each.src_uri}" for each in files.documentation_pages())]
    seen = set(queue)
    while queue:
        path = queue.pop()
        text = _text(path)
        if not path.startswith("docs/"):
            files.append(File.generated(config, page_of(path), content=text))
        for target in _targets(path, text):
            if target not in seen and not target.startswith("docs/") and (ROOT / target).exists():
                seen.add(target)
                queue.append(target)
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Called with the text of each page: links lead to pages of the site, pictures follow its light and dark mode."""
    path = file_of(page.file.src_uri)
    page.meta["search"] = {"boost": _BOOST.get(page.file.src_uri, 1.0)}
    if page.file.src_uri.startswith("repository/"):
        page.meta["search"] = {"exclude": True}

    def link(match: re.Match[str]) -> str:
        target, anchor = _resolved(path, match[2]), match[3] or ""
        is_file_name = match[1] is not None and match[1].endswith(".md")
        text = "" if match[1] is None else f"[{_title(target) if is_file_name else match[1]}"
        return f"{text}]({_relative(page.file.src_uri, target)}{anchor})"

    def picture(match: re.Match[str]) -> str:
        given = dict(re.findall(r'\b(src|alt|width)="([^"]*)"', match[2]))
        width = f'{{ width="{given["width"]}" }}' if "width" in given else ""
        modes = ((given["src"], "light"), (match[1], "dark"))
        return "\n".join(f"![{given['alt']}]({source}#only-{mode}){width}" for source, mode in modes)

    return _outside_of_code(markdown, lambda text: _LINK.sub(link, _PICTURE.sub(picture, text)))


def on_post_page(output: str, **_: object) -> str:
    """Called with each page of the site: material gives the search no name, which a screen reader needs."""
    return output.replace(
        'data-md-component="search" role="dialog"', 'data-md-component="search" role="dialog" aria-label="Search"'
    )


def page_of(path: str) -> str:
    """The page of the site for a file or folder of the repository."""
    if path == _HOME:
        return "index.md"
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return path if path.endswith(".md") else f"repository/{path}.md"


def file_of(page: str) -> str:
    """The file or folder of the repository that a page of the site is made from."""
    if page == "index.md":
        return _HOME
    if page.startswith("repository/"):
        return page.removeprefix("repository/").removesuffix(".md")
    return f"docs/{page}" if (ROOT / "docs" / page).exists() else page


def _text(path: str) -> str:
    """The Markdown of a page: a file's own, or a page that shows the file, or that lists the folder."""
    file = ROOT / path
    if file.is_dir():
        inside = [each for each in sorted(file.iterdir()) if each.name != "__pycache__"]
        lines = [f"- [{each.name}]({_of_folder(each)})" for each in inside if each.is_file() or _readme(each).is_file()]
        return "\n".join([f"# `{path}`", "", *lines, ""])
    text = file.read_text("utf-8")
    if file.suffix == ".md":
        return text
    return f"# `{path}`\n\n````{_LANGUAGES.get(file.suffix, 'text')}\n{text}````\n"


def _title(path: str) -> str:
    """The title of a page, which stands on the site where a link says only the name of its file."""
    return next(line.removeprefix("# ") for line in _text(path).splitlines() if line.startswith("# "))


def _of_folder(path: Path) -> str:
    return f"{path.name}/README.md" if path.is_dir() else path.name


def _readme(folder: Path) -> Path:
    return folder / "README.md"


def _targets(path: str, text: str) -> Iterator[str]:
    """The files and folders of the repository that a page links to."""
    for match in _LINK.finditer(_CODE.sub("", text)):
        yield _resolved(path, match[2])


def _resolved(path: str, target: str) -> str:
    folder = path if (ROOT / path).is_dir() else posixpath.dirname(path)
    return posixpath.normpath(posixpath.join(folder, target))


def _relative(page: str, target: str) -> str:
    return posixpath.relpath(page_of(target), posixpath.dirname(page) or ".")


def _outside_of_code(markdown: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for block in _CODE.finditer(markdown):
        parts += [change(markdown[end : block.start()]), block[0]]
        end = block.end()
    return "".join([*parts, change(markdown[end:])])
