"""stderr that nobody reads stops nothing."""

import io
import os
import sys

import pytest

from mngr_ansible.system.stderr import lasting_stderr
from mngr_ansible.system.stdout import printed_to_stderr


def test_what_is_printed_to_a_reader_that_is_gone_is_lost(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as stream:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(stream, "utf-8"))
        with lasting_stderr():
            print("lost", file=sys.stderr, flush=True)
            assert sys.stderr.fileno() == writing


def test_what_is_printed_arrives_in_the_same_encoding_also_what_it_does_not_have(monkeypatch, tmp_path):
    with (tmp_path / "words").open("w", encoding="iso-8859-1") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        with lasting_stderr():
            print("é…", file=sys.stderr)
            assert (tmp_path / "words").read_bytes() == b"\xe9\\u2026\n"
        assert sys.stderr is stream


@pytest.mark.parametrize("stream", [io.StringIO(), None])
def test_a_closed_stderr_takes_everything_and_that_of_a_test_is_kept(stream, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", stream)
    with lasting_stderr():
        print("words", file=sys.stderr)
    assert capsys.readouterr().out == ""
    assert stream is None or stream.getvalue() == "words\n"


def test_what_a_plugin_prints_inside_mngr_is_lost_too_where_nobody_reads_stderr(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb", buffering=0) as stream:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(stream, "utf-8"))
        with printed_to_stderr():
            print("talk", flush=True)
