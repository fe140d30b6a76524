"""A file that a tool of ours writes from another one: written only where it differs."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def write(file: Path, text: str) -> int:
    """Write a generated file if it differs; the exit code is 1 if it did, so that pre-commit stops for it."""
    if file.is_file() and file.read_text("utf-8") == text:
        return 0
    file.write_text(text, "utf-8")
    print(f"written: {file.relative_to(ROOT)}")  # noqa: T201
    return 1
