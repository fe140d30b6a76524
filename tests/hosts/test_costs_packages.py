"""What packages cost, counted: tasks, connections, sessions on the host; for three requirements as for thirty."""

import pytest

from tests.hosts.test_costs import Counted, verbose
from tests.support.hosts import AptRepository, running
from tests.support.latency_proxy import distant

TASKS = ["Install packages with apt", "Assert versions"]


@pytest.fixture(scope="module")
def counted(_hosts_are_possible, tmp_path_factory):
    repository = AptRepository(tmp_path_factory.mktemp("shared") / "apt")
    repository.path.parent.chmod(0o755)
    for number in range(32):
        repository.add(f"tool{number}", "1.0", commands={f"tool{number}": f"echo tool{number} 1.0"})
    with (
        running(name="counted", repository=repository, lists="fresh") as host,
        distant(host) as (reached, proxy),
    ):
        verbose(host)
        yield Counted(reached, proxy)


def words(*numbers):
    return [word for number in numbers for word in ("--package", f"tool{number}>=1")]


def test_two_missing_of_thirty_cost_as_much_as_two_of_three(counted):
    few = counted.apply(*words(0, 1, 2))
    counted.apply(*words(*range(28)))
    many = counted.apply(*words(*range(30)))

    assert few.tasks == many.tasks == TASKS
    assert few.connections == many.connections == 1
    assert few.sessions == many.sessions <= 2  # what is true and what is offered, and the one that installs


def test_a_first_run_of_files_and_packages_is_three_executions_after_the_probe_over_one_connection(counted, tmp_path):
    (tmp_path / "file").write_text("new\n")

    first = counted.apply("--file", f"{tmp_path / 'file'}:/srv/new/file", *words(30, 31))

    assert first.tasks == ["Copy files", *TASKS]
    assert first.connections == 1
    assert first.sessions <= 3  # the issue allows four


def test_all_present_starts_no_task_and_costs_one_session_which_asks_no_manager(counted, tmp_path):
    counted.apply(*words(*range(30)))
    counted.host.run("mv /usr/bin/apt-cache /usr/bin/apt-cache.kept")
    counted.host.run("printf '#!/bin/sh\\ntouch /var/asked\\n' >/usr/bin/apt-cache; chmod 755 /usr/bin/apt-cache")

    of_package_alone = '{"name": "base-files", "checks": [{"kind": "package", "value": "base-files"}]}'
    manifest = tmp_path / "manifest.yml"
    manifest.write_text(f"packages: [{of_package_alone}]\n")
    again = counted.apply(*words(*range(30)), "--manifest", manifest)

    assert (again.tasks, again.connections, again.sessions) == ([], 1, 1)
    assert counted.host.run("test -e /var/asked", check=False).returncode == 1
    counted.host.run("mv /usr/bin/apt-cache.kept /usr/bin/apt-cache")
