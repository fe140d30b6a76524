"""The bundle by itself: what is packed is read, from one stream or two, and damage is noticed."""

import hashlib
import importlib.util
import io
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.controller import ROLES

_PATH = ROLES / "mngr_files" / "module_utils" / "mngr_files_bundle.py"
_SPEC = importlib.util.spec_from_file_location("mngr_files_bundle", _PATH)
assert _SPEC
assert _SPEC.loader
bundle = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(bundle)

CONTENTS = st.binary(max_size=50) | st.builds(
    lambda block, times: block * times, st.binary(max_size=9), st.just(200_000)
)


def entries(directory: Path, contents: list[tuple[bytes, str | None]]) -> list[dict[str, Any]]:
    made = []
    for number, (content, packed) in enumerate(contents):
        source = directory / str(number)
        source.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        made.append(
            {
                "path": f"/{number}\udcff",
                "size": len(content),
                "sha256": digest,
                "packed": packed,
                "source": str(source),
            }
        )
    return made


def packed(made: list[dict[str, Any]]) -> tuple[io.BytesIO, io.BytesIO]:
    streams = io.BytesIO(), io.BytesIO()
    step = {"id": "s", "mirror": None, "if_exists": "replace", "entries": made}
    header = {"is_dry_run": False, "shows_diff": True, "steps": [step]}
    bundle.pack(streams[0], [each for each in made if each["packed"] == "inline"], header)
    bundle.pack(streams[1], [each for each in made if each["packed"] == "file"])
    for stream in streams:
        stream.seek(0)
    return streams


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CONTENTS, st.sampled_from(["inline", "file", None])), max_size=6), st.randoms())
def test_packed_contents_are_read_back_and_some_may_be_left_out(tmp_path, contents, random):
    read = bundle.Bundle(*packed(entries(tmp_path, contents)))

    assert (read.is_dry_run, read.shows_diff) == (False, True)
    for entry, (content, where) in zip(read.steps[0]["entries"], contents, strict=True):
        assert entry["path"].endswith("\udcff")
        if where is not None and random.random() < 0.7:
            assert b"".join(read.content(entry)) == content


def test_a_stream_that_ends_too_early_is_an_error(tmp_path):
    inline, file = packed(entries(tmp_path, [(bytes(range(256)) * 9000, "file")]))
    read = bundle.Bundle(inline, io.BytesIO(file.getvalue()[:-1]))

    with pytest.raises(zlib.error):
        list(read.content(read.steps[0]["entries"][0]))


def test_a_source_that_changed_is_named(tmp_path):
    made = entries(tmp_path, [(b"promised", "inline")])
    (tmp_path / "0").write_bytes(b"changed!")

    with pytest.raises(bundle.SourceChangedError) as refused:
        packed(made)
    assert refused.value.path == str(tmp_path / "0")


def test_data_that_does_not_compress_is_not_deflated(tmp_path):
    content = b"".join(hashlib.sha256(str(number).encode()).digest() for number in range(40_000))

    _, file = packed(entries(tmp_path, [(content, "file")]))
    assert 0 < len(file.getvalue()) - len(content) < 100
