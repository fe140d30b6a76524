"""A hostile host's answers: they are read or refused, in bounded time and memory, and lead nowhere."""

from __future__ import annotations

import os
import re
import time
import tracemalloc
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import LocalShell, ShellResult
from mngr_ansible.host.probe import probe
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.portable import offers as manager_offers
from mngr_ansible.report import plain
from mngr_ansible.report.text import error_page
from tests.support.builders import claim, requirements

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NONCE = re.compile(r"[0-9a-f]{16} begin")
INPUTS = int(os.environ.get("MNGR_ANSIBLE_HOSTILE_INPUTS", "2000"))
"""How many changed answers are read: set it to try many."""
NASTY = (
    *("", "\0", "\x1b[2J\x1b]0;x\a", "\udcff", "../../etc/passwd", "9" * 5000, "-1", "1e99", "0x10", "nan", "'", '"'),
    *(
        "home /",
        "home ..",
        "uid 99999999999999999999",
        "work_dir /../..",
        "kinds fffffffff",
        "mode 777:0:0:1",
        "checks",
    ),
    *("privilege root", "python 3.12 /bin/sh\nx", "os ID='", "listing 0 f 2e2e2f78", "real 0 0 0 =/etc", "tmp /x y"),
    *("mngr-check 0 0 = 0", "mngr-check package dpkg ii |git|1:2", "hash " + "0" * 64, "owner 0", "{{ 7 * 7 }}"),
)


class Hostile:
    """A host that answers a recorded, honest answer, as a stranger has changed it."""

    is_local, variables = False, {}

    def __init__(self, honest: str, change: Callable[[str], str]) -> None:
        self.honest, self.change = honest, change

    def holds(self, script: str) -> bool:
        return True

    def stop(self) -> None:
        pass

    def run(self, script: str, timeout: float) -> ShellResult:
        nonce = NONCE.search(script.replace("\\n%s begin\\n' ", "", 1)) or re.search(r"[0-9a-f]{16}", script)
        assert nonce is not None
        return ShellResult(self.change(self.honest).replace("NONCE", nonce[0][:16]), "", 0)


@pytest.fixture(scope="session")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[ProbeRequest, str]:
    """A question about files, a mirror and requirements, and this machine's honest answer to it."""
    top: Path = tmp_path_factory.mktemp("fuzz")
    for name in ("a", "b c", "ü"):
        (top / "source" / name).mkdir(parents=True)
        (top / "source" / name / "file").write_text(name)
    wanted = claim(top / "source", top / "there"), claim(top / "source", "~/x")
    question = ProbeRequest(wanted, requirements("git>=2", "sh", "no-such-tool"), str(top))
    heard: list[str] = []

    class Recorder:
        is_local, variables = False, {}

        def holds(self, script: str) -> bool:
            return True

        def stop(self) -> None:
            pass

        def run(self, script: str, timeout: float) -> ShellResult:
            answer = LocalShell().run(script, timeout)
            nonce = re.search(r"([0-9a-f]{16}) begin", answer.stdout)
            assert nonce is not None
            heard.append(answer.stdout.replace(nonce[1], "NONCE"))
            return answer

    probe(Recorder(), question, 60)
    return question, heard[0]


def changed(lines: Sequence[str], edits: Sequence[tuple[str, int, int, str]]) -> str:
    """The answer after some edits; each names a line and another, and text to put in."""
    edited = list(lines)
    for kind, one, two, text in edits:
        if not edited:
            break
        here, there = one % len(edited), two % len(edited)
        match kind:
            case "drop":
                del edited[here]
            case "double":
                edited.insert(there, edited[here])
            case "swap":
                edited[here], edited[there] = edited[there], edited[here]
            case "cut":
                edited[here] = edited[here][: two % (len(edited[here]) + 1)]
            case "put":
                edited.insert(here, text)
            case "replace":
                edited[here] = text
            case "after":
                edited[here] = f"{edited[here].partition(' ')[0]} {text}"
            case "many":
                edited[here:here] = [text] * (two % 2000)
    return "\n".join(edited)


KINDS = st.sampled_from(["drop", "double", "swap", "cut", "put", "replace", "after", "after", "many"])
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
EDITS = st.lists(st.tuples(KINDS, st.integers(0, 500), st.integers(0, 5000), TEXTS), min_size=1, max_size=4)


def test_any_change_of_an_honest_answer_is_read_or_refused_and_leads_nowhere(asked: tuple[ProbeRequest, str]) -> None:
    question, honest = asked
    lines = honest.split("\n")
    worst = {"seconds": 0.0}
    outcomes = {"read": 0, "refused": 0}

    @settings(max_examples=INPUTS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(edits=EDITS)
    def fuzz(edits: list[tuple[str, int, int, str]]) -> None:
        begin = time.process_time()  # other tests may have the processor meanwhile
        try:
            state: Any = probe(Hostile(honest, lambda _: changed(lines, edits)), question, 5)
        except HostError as error:
            outcomes["refused"] += 1
            told = plain.text(error_page(error))
        else:
            outcomes["read"] += 1
            told = state.login.user + state.system.name
            assert len(state.paths.files) <= len(question.paths())
            assert not [name for each in state.paths.listings.values() for name in each if ".." in name.split("/")]
            assert not [
                finding
                for finding in state.findings
                if finding not in {"package:git", "package:sh", "package:no-such-tool"}
            ]
            assert state.login.privilege in ("root", "sudo", "doas", "password", "none")
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", told)
        worst["seconds"] = max(worst["seconds"], time.process_time() - begin)

    fuzz()
    assert worst["seconds"] < 5
    assert outcomes["refused"] > INPUTS / 10
    assert outcomes["read"] > INPUTS / 100


@pytest.mark.parametrize(
    "line",
    [
        *("mode 644:0:0:1", "kinds " + "f" * 100_000, "x" * 1_000_000, "mngr-check 0 0 | x", "os A=b"),
        *("os NAME='" + "x" * 14_000_000, "os NAME=" + "a\\ " * 4_000_000),
        "mngr-check package dpkg ii |git|" + "1+" * 7_000_000,
        "mngr-check 0 0 | git version " + "a_-" * 4_000_000,
    ],
    ids=lambda line: line[:20],
)
def test_an_endless_answer_takes_bounded_time_and_memory(asked: tuple[ProbeRequest, str], line: str) -> None:
    question, honest = asked
    size = 15_000_000
    text = honest.replace("\nNONCE end", "\n" + f"{line}\n" * (size // (len(line) + 1)) + "\nNONCE end")
    begin = time.monotonic()
    tracemalloc.start()
    try:
        with suppress(HostError):
            probe(Hostile(honest, lambda _: text), question, 5)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 30 * size
    assert time.monotonic() - begin < 60


@settings(max_examples=1000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(TEXTS, st.from_regex(r"(apt|npm|dnf|lists) [ -~]*")), max_size=30))
def test_what_package_managers_offer_is_read_or_refused(lines: list[str]) -> None:
    with suppress(ValueError):
        manager_offers.read(lines, {"apt": ["git"], "npm": ["x"]})


def test_an_answer_runs_nothing_here(asked: tuple[ProbeRequest, str], tmp_path: Path) -> None:
    question, honest = asked
    bait = f"$(touch {tmp_path}/a)`touch {tmp_path}/b`{{{{ lookup('pipe', 'touch {tmp_path}/c') }}}};touch {tmp_path}/d"
    for word in ("home", "user", "system", "os", "python", "work_dir", "tmp", "manager"):
        text = re.sub(rf"(?m)^{word} .*$", lambda match, word=word: f"{word} /{bait}", honest)  # type: ignore[misc]
        with suppress(HostError):
            probe(Hostile(honest, lambda _, text=text: text), question, 5)  # type: ignore[misc]
    assert os.listdir(tmp_path) == []
