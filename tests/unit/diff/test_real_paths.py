"""The way to a destination, and whether root goes there: the rule on values."""

from mngr_ansible.diff.real_paths import RealPaths
from mngr_ansible.host.state import PathNode
from tests.support.builders import state

ROOT, DEV, EVE = 0, 1000, 1001
NAMES = {ROOT: "root", DEV: "dev", EVE: "eve"}


def ways(uid=0, **nodes):
    """``home_dev=DEV`` is a directory of dev's at ``/home/dev``; ``home_dev_x=(DEV, "/srv")`` is a link of dev's."""
    made = {"/": PathNode("directory", 0o755, ROOT, "root")}
    for key, value in nodes.items():
        owner, target = value if isinstance(value, tuple) else (value, "")
        made["/" + key.replace("_", "/")] = PathNode(
            "link" if target else "directory", 0o755, owner, NAMES[owner], target
        )
    return RealPaths(state(uid=uid, path_nodes=made), uid)


def test_a_way_without_links_is_free_whoever_owns_the_directories():
    found = ways(home=ROOT, home_dev=DEV, home_dev_x=EVE).to("/home/dev/x/new", None)
    assert (found.real, found.link, found.problem) == ("/home/dev/x/new", "", "")


def test_a_destination_is_where_the_links_lead():
    found = ways(var=ROOT, var_run=(ROOT, "../run"), run=ROOT).to("/var/run/mine/deep", None)
    assert (found.real, found.link, found.link_target, found.problem) == ("/run/mine/deep", "/var/run", "/run", "")


def test_root_follows_a_link_only_to_what_belongs_to_its_owner_too():
    nodes = {"home": ROOT, "home_dev": DEV, "srv": ROOT, "srv_dev": DEV, "srv_eve": EVE}
    for target, is_free in {"/srv/dev": True, "/srv": False, "/srv/eve": False, "/home/dev/../../srv": False}.items():
        assert (ways(**nodes, home_dev_x=(DEV, target)).to("/home/dev/x", None).problem == "") is is_free, target


def test_roots_link_in_a_directory_of_a_user_is_that_users():
    found = ways(home=ROOT, home_dev=DEV, home_dev_x=(ROOT, "/srv"), srv=ROOT).to("/home/dev/x", None)
    assert found.problem.startswith(
        "/home/dev/x is a link of dev to /srv, which belongs to root; root does not follow it"
    )


def test_a_link_that_leads_through_the_link_of_a_third_user_is_refused():
    nodes = {"home": ROOT, "home_dev": DEV, "home_eve": EVE, "srv": ROOT, "srv_dev": DEV}
    found = ways(**nodes, home_dev_x=(DEV, "/home/eve/y"), home_eve_y=(EVE, "/srv/dev")).to("/home/dev/x", None)
    assert "depends on dev and eve" in found.problem


def test_a_link_that_leads_farther_than_the_probe_looks_is_refused():
    found = ways(home=ROOT, home_dev=DEV, home_dev_x=(DEV, "/srv/far")).to("/home/dev/x", None)
    assert "is a link to nothing, and a directory is needed there" in found.problem


def test_what_belongs_to_the_owner_of_the_link_is_written_where_that_user_may_write():
    nodes = {"home": ROOT, "home_dev": DEV, "home_dev_x": (DEV, "/srv"), "srv": ROOT}
    assert "where dev may not write" in ways(**nodes).to("/home/dev/x", DEV).problem
    assert "which belongs to root" in ways(**nodes).to("/home/dev/x", EVE).problem


def test_an_ordinary_user_follows_no_link_of_another():
    nodes = {"srv": ROOT, "srv_dev": (DEV, "/srv"), "srv_eve": (EVE, "/srv")}
    assert ways(DEV, **nodes).to("/srv/dev/x", None).problem == ""
    assert "a link of eve, and we are not that user" in ways(DEV, **nodes).to("/srv/eve/x", None).problem


def test_a_host_of_which_nothing_is_known_blocks_nothing():
    assert RealPaths(state(), 0).to("/home/dev/x", None).problem == ""
