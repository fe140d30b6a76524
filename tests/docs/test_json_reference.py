"""The page of the JSON reference is the schema, field by field."""

import json

from tools import json_reference


def test_the_page_is_what_the_schema_says():
    assert json_reference.PAGE.read_text() == json_reference.page(json.loads(json_reference.SCHEMA.read_text()))


def test_every_field_of_every_part_is_on_the_page():
    schema = json.loads(json_reference.SCHEMA.read_text())
    text = json_reference.PAGE.read_text()
    for part in (schema, *schema["$defs"].values()):
        assert [name for name in part["properties"] if f"| `{name}` |" not in text] == []
