"""Fixtures for all tests: a home directory of their own, and real hosts."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.configuration import set_hypothesis_home_dir
from hypothesis.database import DirectoryBasedExampleDatabase

from tests.support.hosts import LayerError, SshHost, cache_directory, running, why_not
from tests.support.schedule import FOLDERS, Scheduler, mark_by_folder, start_longest_first

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

set_hypothesis_home_dir(cache_directory() / "hypothesis")  # not in the checkout
settings.register_profile(
    "tests",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    database=DirectoryBasedExampleDatabase(cache_directory() / "hypothesis/examples"),
)
settings.load_profile("tests")  # a machine that stalls is no failure

_FOREIGN = ("ANSIBLE_", "MOLECULE_", "MNGR_", "PY_COLORS", "NO_COLOR", "FORCE_COLOR", "SSH_AUTH_SOCK", "TMUX")
"""How the names of environment variables begin that would change what a test does."""


class StartHost(Protocol):
    """The fixture ``ssh_host``: starts hosts that end with the test."""

    def __call__(self, **options: Any) -> SshHost:
        """Start a host; the options are those of ``tests.support.hosts.running``."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--strict-hosts``, ``--write-pages``, and the versions that nox chooses."""
    parser.addoption("--core", help="run the tests of tests/ops with this ansible-core alone, such as 2.18")
    parser.addoption("--controller-python", default="3.12", help="the Python that --core gets")
    parser.addoption(
        "--write-pages", action="store_true", help="tests/hosts/test_pages.py writes what commands print into the pages"
    )
    parser.addoption(
        "--strict-hosts", action="store_true", help="fail where a test skips: this machine must have everything"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Let a test with the mark ``timed``, and what it starts, have the processor before the tests of other workers.

    It is about times that are promised for a machine with nothing else to do.
    """
    is_timed = item.get_closest_marker("timed") is not None and os.geteuid() == 0
    if is_timed:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    try:
        return (yield)
    finally:
        if is_timed:
            os.setpriority(os.PRIO_PROCESS, 0, 0)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure under ``--strict-hosts``."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and item.config.getoption("--strict-hosts"):
        report.outcome = "failed"
        report.longrepr = f"--strict-hosts: {report.longrepr[2] if isinstance(report.longrepr, tuple) else 'skipped'}"
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks of the folders, and decide where layers are cached before any test changes HOME."""
    for folder, meaning in FOLDERS.items():
        config.addinivalue_line("markers", f"{folder}: {meaning}")
    os.environ["MNGR_ANSIBLE_TEST_CACHE"] = str(cache_directory())
    _listen_to_signals()


def _listen_to_signals() -> None:
    """Handle the signals that nohup and a shell's ``&`` make ignored: every program of a test would ignore them too."""
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, handler)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """How many workers ``-n auto`` starts: none for named tests, one more than cores for unit tests, else three a core.

    Most of the other tests wait: for a host, for a program, for a time to pass.
    """
    named = [argument for argument in config.args if not argument.startswith("-")]
    if all("::" in argument for argument in named):
        return 0
    is_unit = all("unit" in Path(argument).parts for argument in named)
    cores = os.cpu_count() or 1
    return cores + 1 if is_unit else max(4, 3 * cores)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduler:
    """Distribute tests over the workers in our way."""
    return Scheduler(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark and order the tests."""
    mark_by_folder(items)
    start_longest_first(items)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home directory, and an environment without the user's settings. Every test has it.

    OpenSSH takes the home from the password database, not from ``$HOME``: a test that runs ssh passes ``-F`` itself.
    """
    directory = tmp_path_factory.mktemp("home")
    for variable in list(os.environ):
        if variable.startswith(_FOREIGN) and variable != "MNGR_ANSIBLE_TEST_CACHE":
            monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(directory))
    places = {"CONFIG": ".config", "CACHE": ".cache", "DATA": ".local/share", "STATE": ".local/state"}
    for name, place in places.items():
        monkeypatch.setenv(f"XDG_{name}_HOME", str(directory / place))
    for name in ("XDG_RUNTIME_DIR", "TMUX_TMPDIR"):
        (directory / name.lower()).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(directory / name.lower()))
    return directory


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """An empty work_dir."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture(scope="session")
def _hosts_are_possible() -> None:
    """Skip if this machine cannot run test hosts."""
    if reason := why_not():
        pytest.skip(reason)


@pytest.fixture
def ssh_host(_hosts_are_possible: None) -> Iterator[StartHost]:
    """Start hosts for one test, each fresh: ``ssh_host(layer="bare", users=(User("dev"),))``."""
    with ExitStack() as hosts:
        yield lambda **options: _started(hosts, **options)


@pytest.fixture(scope="session")
def shared_host(_hosts_are_possible: None) -> Iterator[SshHost]:
    """One host with python3 for all tests that leave it as it was, or write only below a directory of their own."""
    with ExitStack() as hosts:
        yield _started(hosts, layer="python", name="shared")


def _started(hosts: ExitStack, **options: Any) -> SshHost:
    try:
        return hosts.enter_context(running(**options))
    except LayerError as error:
        pytest.skip(str(error))
