"""Pages that are written from their source: ``python -m tools.reference`` writes all of them.

Each module makes one page of ``docs/reference/``, as text. A test compares the pages with it
(``tests/docs/test_reference_pages.py``), and ``mkdocs build --strict`` checks their links.
"""
