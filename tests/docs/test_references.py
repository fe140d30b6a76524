"""What code, tests and pages refer to is there: sections, links, folders."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
READMES = [*sorted(ROOT.glob("examples/*/README.md")), *sorted(ROOT.glob("roles/*/README.md"))]
TREES = ("mngr_ansible", "roles", "playbooks", "molecule", "tests", "tools", "examples", "benchmarks")
SUFFIXES = (".py", ".yml", ".sh", ".json", ".toml")


def headings(page: Path) -> list[str]:
    """The page's headings as they are written, without those inside code blocks."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [line.lstrip("# ").rstrip() for line in prose.splitlines() if re.match(r"#+ ", line)]


def anchors(page: Path) -> set[str]:
    """What a link may name behind ``#``, as GitHub makes it of the headings."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings(page)}


def citations() -> list[tuple[str, str, str]]:
    """Every ``docs/PAGE.md "Section"`` in code, roles and tests: the file, the page, the section ("" for none)."""
    found = []
    for tree in TREES:
        for file in sorted((ROOT / tree).rglob("*")):
            if file.suffix not in SUFFIXES or file == Path(__file__):
                continue
            text = re.sub(r"\s*\n\s*#?\s*", " ", file.read_text())  # a citation may go over the end of a line
            for page, section in re.findall(r'(?<![\w/"])(docs/[\w-]+\.md)(?:`*,? "([^"\n]+)")?', text):
                found.append((str(file.relative_to(ROOT)), page, section))
    return found


def test_code_cites_pages():
    assert len([section for _file, _page, section in citations() if section]) > 20


@pytest.mark.parametrize(("file", "page", "section"), sorted(set(citations())))
def test_every_page_and_section_that_code_cites_exists(file, page, section):
    assert (ROOT / page).is_file(), f"{file} cites {page}"
    assert not section or section in headings(ROOT / page), f"{file} cites {page} {section!r}"


@pytest.mark.parametrize("page", [*PAGES, *READMES], ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_to_a_heading(page):
    for path, anchor in re.findall(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text()):
        target = (page.parent / path) if path else page
        assert target.exists(), f"{page.name}: {path}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {path}#{anchor}"


def test_every_page_is_reached_from_the_readme():
    reached, queue = set(), [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        for path in re.findall(r"\]\((?!\w+:)([^)#\s]+\.md)", page.read_text()):
            target = (page.parent / path).resolve()
            if target not in reached:
                reached.add(target)
                queue.append(target)
    assert [page.name for page in PAGES if page.resolve() not in reached and page.name != "README.md"] == []


def table(page: str, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, cell by cell, without its head."""
    text = (ROOT / "docs" / page).read_text()
    rows = text.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0].splitlines()
    first = next(index for index, line in enumerate(rows) if line.startswith("|---")) + 1
    cells = []
    for line in rows[first:]:
        if not line.startswith("|"):
            break
        cells.append([cell.strip() for cell in line.strip("|").split("|")])
    return cells


def test_the_architecture_shows_the_floors_that_import_linter_holds():
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (floors,) = [each["layers"] for each in config["contracts"] if each.get("containers") == ["mngr_ansible"]]
    shown = [" | ".join(re.findall(r"`(\w+)`", row[0])) for row in table("architecture.md", "The folders")]
    assert shown == [re.sub(r"\s*[|:]\s*", " | ", floor) for floor in floors]


def test_the_architecture_names_every_folder_of_the_package_and_no_other():
    package = ROOT / "mngr_ansible"
    there = {each.name for each in package.iterdir() if (each / "__init__.py").is_file()}
    there |= {each.stem for each in package.glob("*.py")} - {"__init__"}
    shown = {name for row in table("architecture.md", "The folders") for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == there


def test_the_ten_things_are_where_the_architecture_says():
    rows = table("architecture.md", "Where is …?")
    assert len(rows) >= 10
    for row in rows:
        for name in re.findall(r"`([\w/]+\.\w+)`", row[1]):
            assert (ROOT / name).exists() or (ROOT / "mngr_ansible" / name).exists(), name


def test_the_page_about_molecule_names_every_scenario_and_no_other():
    shown = {name for row in table("molecule.md", "Run the scenarios") for name in re.findall(r"`(\w+)`", row[0])}
    assert shown == {file.parent.name for file in ROOT.glob("molecule/*/molecule.yml")}


def test_every_folder_says_what_it_is():
    for init in sorted((ROOT / "mngr_ansible").glob("*/__init__.py")):
        assert init.read_text().startswith('"""'), init


def test_every_term_of_the_glossary_is_used():
    pages = " ".join(page.read_text() for page in PAGES if page.name != "glossary.md")
    code = " ".join(file.read_text() for file in (ROOT / "mngr_ansible").rglob("*.py"))
    words = f"{pages} {code}".lower()
    terms = [line.split("|")[1].strip() for line in (ROOT / "docs/glossary.md").read_text().splitlines()[7:]]
    assert len(terms) > 30
    assert [term for term in terms if term not in words and term.replace(" ", "") not in words] == []


def test_the_glossary_is_sorted():
    terms = [line.split("|")[1].strip() for line in (ROOT / "docs/glossary.md").read_text().splitlines()[7:]]
    assert terms == sorted(terms)


def test_the_face_of_every_folder_exists():
    for row in table("architecture.md", "The folders"):
        files = [file for name in re.findall(r"`(\w+)`", row[0]) for file in (ROOT / "mngr_ansible").glob(f"{name}*")]
        files = [each for file in files for each in (file.rglob("*.py") if file.is_dir() else [file])]
        code = "\n".join(file.read_text() for file in files)
        for face in re.findall(r"`([\w.]+)`", row[2]):
            name = face.rpartition(".")[2]
            is_module = any(file.stem == name for file in files)
            assert is_module or re.search(rf"^(?:def|class) {name}\b|^{name}\b.*=", code, re.MULTILINE), (row[0], face)
