"""``mngr ansible doctor``: this machine, and the host of an agent through mngr's own connection."""

import json

from tests.support.mngr import plugins

FAULTY = """
@hookimpl
def provision_agent(hots):
    return []
"""


def checks(done):
    return {each["name"]: each for each in json.loads(done.stdout)["checks"]}


def test_the_host_of_an_agent_is_looked_at_and_a_faulty_plugin_is_named(remote, host, tmp_path):
    assert remote.create("one").returncode == 0
    done = remote.run("ansible", "doctor", "one", "--format", "json")
    found = checks(done)
    place = next(name for name in found if name.endswith(": managers")).removesuffix(": managers")
    assert place != "controller"
    assert found[f"{place}: managers"]["text"] == "apt"
    assert found[f"{place}: source /srv/apt"]["status"] == "ok"
    assert found["controller: mngr"]["status"] == "ok", found["controller: mngr"]
    assert (done.returncode, json.loads(done.stdout)["ok"]) == (0, True), done.stdout

    remote.plugins = [plugins.write(tmp_path / "site", faulty=FAULTY)]
    done = remote.run("ansible", "doctor")
    assert done.returncode == 1
    assert "faulty: its provision_agent has the unknown argument 'hots' (did you mean host?)" in done.stdout
    assert "Traceback" not in done.stderr
