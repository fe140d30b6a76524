"""The kit for tests of plugins: what a plugin asks for, and what that means on a host that is only described."""

import types
from pathlib import Path

import pytest

from mngr_ansible import (
    Check,
    FileTransferSpec,
    MngrAnsibleError,
    PackageRequirement,
    PluginMngrError,
    Source,
    hookimpl,
)
from mngr_ansible.testing import FakeHost, plan_host, plan_of
from mngr_ansible.testing import fake_host as described
from mngr_ansible.testing import statuses as statuses_of


def plugin(name="tutor", **hooks):
    """A plugin of that name with these hooks."""
    made = types.ModuleType(name)
    for hook, function in hooks.items():
        function.__name__ = hook
        setattr(made, hook, hookimpl(function))
    return made


def needs(*values, name="tutor"):
    """A plugin that needs these packages and transfers."""
    files = [each for each in values if isinstance(each, FileTransferSpec)]
    packages = [each for each in values if not isinstance(each, FileTransferSpec)]
    return plugin(name, get_provision_file_transfers=lambda: files, provision_agent=lambda: packages)


def planned(asked, host=None, **agent):
    """The status of each step on a host."""
    return {
        step: str(status)
        for step, status in statuses_of(plan_host(plan_of(asked, **agent), host or described())).items()
    }


def outcome(report, step):
    return next(each for each in report.hosts[0].outcomes if each.id == step)


@pytest.mark.parametrize(
    ("version", "status"),
    [("2.39.5", "ok"), ("2.20.1", "too-old"), ("3.1", "blocked"), (None, "unknown"), ("absent", "missing")],
)
def test_a_package_has_the_status_that_a_plan_gives_it(version, status):
    packages = {} if version == "absent" else {"git": version}
    expected = {"blocked": "too-new"}.get(status, status)
    assert planned(needs("git>=2.39,<3"), described(packages=packages)) == {"package:git": expected}


@pytest.mark.parametrize("called", ["ripgrep", "rg"])
def test_a_tool_is_found_by_its_name_and_by_its_command(called):
    assert planned(needs("ripgrep"), described(packages={called: "13.0"})) == {"package:ripgrep": "ok"}


def test_a_file_is_compared_with_content_and_mode(tmp_path):
    source = tmp_path / "npmrc"
    source.write_text("fund=false\n")
    asked = needs(FileTransferSpec(source, "~/.npmrc", mode="0600"))

    def status(files):
        return planned(asked, described(files=files))["file:/root/.npmrc"]

    assert status({}) == "missing"
    assert status({"~/.npmrc": "other"}) == "differs"
    assert status({"~/.npmrc": "fund=false\n"}) == "differs", "mode 0644"
    assert status({"~/.npmrc": ("fund=false\n", 0o600)}) == "ok"
    assert status({"/root/.npmrc": (b"fund=false\n", "0600")}) == "ok"


def test_relative_destinations_and_files_are_in_work_dir(tmp_path):
    (tmp_path / "tool").mkdir()
    (tmp_path / "tool/a").write_text("a")
    asked = needs(FileTransferSpec(tmp_path / "tool", ".tool", mode="0644", directory_mode="0755"))
    host = described(files={".tool/a": "a"})

    assert planned(asked, host, work_dir="/srv/agent") == {"file:/srv/agent/.tool": "ok"}
    assert planned(asked, host) == {"file:/root/.tool": "ok"}, "the home, as without --work-dir"
    assert planned(asked, host, work_dir="~/w") == {"file:/root/w/.tool": "ok"}


def test_a_mirror_counts_what_it_deletes(tmp_path):
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/new").write_text("new")
    asked = needs(FileTransferSpec(tmp_path / "rules", ".rules", mirror=True))

    report = plan_host(
        plan_of(asked, work_dir="/srv/agent"), described(files={".rules/old": "", ".rules/sub/older": ""})
    )

    assert outcome(report, "file:/srv/agent/.rules").files["deletions"] >= 2


def test_a_user_without_root_is_blocked_outside_of_what_is_his(tmp_path):
    (tmp_path / "notice").write_text("text")
    asked = needs(
        FileTransferSpec(tmp_path / "notice", "/etc/notice"), FileTransferSpec(tmp_path / "notice", "~/notice")
    )

    report = plan_host(plan_of(asked), described(user="dev", sudo=False))

    assert outcome(report, "file:/etc/notice").status == "blocked"
    assert "dev cannot write to /etc" in outcome(report, "file:/etc/notice").reason
    assert outcome(report, "file:/home/dev/notice").status == "missing"


def test_an_owner_must_be_a_user_of_the_host(tmp_path):
    (tmp_path / "notice").write_text("text")
    asked = needs(FileTransferSpec(tmp_path / "notice", "/srv/notice", owner="agent"))

    assert planned(asked) == {"file:/srv/notice": "blocked"}
    assert planned(asked, described(users=["agent"])) == {"file:/srv/notice": "missing"}


def test_what_the_package_manager_offers_decides_about_the_source():
    asked = needs(PackageRequirement("tool", ">=2", sources=(Source("apt", ("tool",)),)))

    def found(**host):
        return outcome(plan_host(plan_of(asked), described(**host)), "package:tool")

    assert (found().status, found().source) == ("missing", "apt")
    assert found(offers={"tool": "2.1"}).status == "missing"
    assert found(offers={"tool": "1.9"}).status == "blocked"
    assert found(offers={}).reason.endswith("offers no package tool")
    assert found(os="fedora").status == "blocked", "its only source is for apt"


def test_the_report_has_the_commands_that_a_person_would_run():
    report = plan_host(plan_of(needs("git")), described("ubuntu:24.04", user="dev", is_local=True))
    assert [each for each in report.hosts[0].commands if "install" in each] == ["sudo apt-get install -y git"]
    assert report.to_dict()["hosts"][0]["steps"][0]["id"] == "package:git"


def test_the_hooks_get_the_agent_and_the_host_of_the_test():
    seen = []

    def before(agent, host, options, mngr_ctx):
        seen.append((agent.name, agent.work_dir, agent.agent_type, agent.id, host.name, host.host_dir, options))
        assert host.execute_idempotent_command("uname -m", timeout_seconds=5).stdout == "x86_64"
        assert not host.execute_idempotent_command("test -e /x").success

    host = described(commands={"uname -m": "x86_64", "test -e /x": False}, name="build-1", host_dir=Path("/m"))
    plan_of(plugin(on_before_agent_provisioning=before), host=host, name="a", work_dir="/w", id="agent-1", options="o")

    assert seen == [("a", "/w", "generic", "agent-1", "build-1", Path("/m"), "o")]
    assert host.ran == ["uname -m", "test -e /x"]


def test_an_attribute_that_only_mngr_has_is_refused_with_how_to_give_it():
    with pytest.raises(MngrAnsibleError, match=r"the host has no 'host_dir'.*fake_host\(host_dir=…\)"):
        plan_of(plugin(provision_agent=lambda host: [host.host_dir]))
    with pytest.raises(MngrAnsibleError, match=r"the agent has no 'id'.*plan_of\(plugin, id=…\)"):
        plan_of(plugin(provision_agent=lambda agent: [agent.id]))


def test_a_command_without_an_answer_is_an_error_that_says_how_to_give_one():
    with pytest.raises(MngrAnsibleError, match=r"has no answer: uname -m(?s:.*)fake_host\(commands="):
        plan_of(plugin(provision_agent=lambda host: host.execute_idempotent_command("uname -m")))


def test_a_plugin_that_refuses_raises_what_users_would_see():
    def before():
        raise PluginMngrError("there is no token")

    with pytest.raises(MngrAnsibleError, match="tutor: there is no token"):
        plan_of(plugin(on_before_agent_provisioning=before))


def test_several_plugins_are_laid_over_each_other(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(name)
    asked = [
        needs(FileTransferSpec(tmp_path / name, ".x", mode="0644"), f"git>={number}", name=name)
        for number, name in enumerate(("one", "two"), 1)
    ]
    plan = plan_of(asked, work_dir="/srv/agent")
    assert [each.plugins for each in plan.requirements] == [("one", "two")]
    assert planned(asked, described(files={".x": "two"}), work_dir="/srv/agent")["file:/srv/agent/.x"] == "ok"


@pytest.mark.parametrize(
    "wrong", [{"os": "debain"}, {"files": {"/x": 5}}, {"files": {"/x": ("x", "0999")}}, {"packages": ["git"]}]
)
def test_what_describes_no_host_is_refused(wrong):
    with pytest.raises(MngrAnsibleError, match="fake_host"):
        described(**wrong)


def test_the_kit_is_there_as_fixtures_too(plan_of, fake_host, plan_host, statuses, empty_home):
    host = fake_host("alpine")
    assert isinstance(host, FakeHost)
    assert statuses(plan_host(plan_of(needs("git")), host)) == {"package:git": "missing"}
    assert Path("~").expanduser() == empty_home


def test_settings_count_as_in_a_run():
    assert planned(needs("git"), described(packages={})) == {"package:git": "missing"}
    report = plan_host(plan_of(needs("git"), settings={"check_packages": False}), described())
    assert statuses_of(report) == {"package:git": "skipped"}


@pytest.mark.parametrize(
    ("check", "host", "status"),
    [
        (Check("file", "/opt/aa/VERSION"), {"files": {"/opt/aa/VERSION": "v2.5"}}, "ok"),
        (Check("file", "~/aa"), {"files": {"~/aa": None}}, "ok"),
        (Check("file", "/opt/aa"), {"files": {"/opt/aa/VERSION": "v2.5"}}, "ok"),
        (Check("file", "/opt/aa"), {"files": {"/opt/a": ""}}, "missing"),
        (Check("command", "/opt/cc/bin/cc"), {"files": {"/opt/cc/bin/cc": ("x", "0755")}}, "ok"),
        (Check("command", "/opt/cc/bin/cc"), {"files": {"/opt/cc/bin/cc": "x"}}, "missing"),
        (Check("command", "aa"), {"files": {"/usr/local/bin/aa": ("x", "0755")}}, "ok"),
        (Check("command", "aa"), {"commands": {"aa --version": "aa 2.1"}}, "ok"),
        (Check("command", "aa"), {"commands": {"aa --version": False}}, "missing"),
        (Check("shell", "test -e /x"), {"commands": {"test -e /x": True}}, "ok"),
        (Check("shell", "test -e /x"), {"commands": {"test -e /x": False}}, "missing"),
        (Check("shell", "test -e /x"), {"packages": {"aa": "1"}}, "ok"),
    ],
)
def test_a_check_finds_what_the_test_has_described(check, host, status):
    assert planned(needs(PackageRequirement("aa", checks=(check,))), described(**host)) == {"package:aa": status}


@pytest.mark.parametrize(("version", "status"), [("v2.5", "ok"), ("v1.9", "too-old"), ("none", "unknown")])
def test_a_check_reads_the_version_that_the_test_has_described(version, status):
    checks = (Check("file", "/opt/aa/VERSION", pattern=r"v([\d.]+)"),)
    asked = needs(PackageRequirement("aa", ">=2", checks=checks))
    assert planned(asked, described(files={"/opt/aa/VERSION": version})) == {"package:aa": status}
    asked = needs(PackageRequirement("aa", ">=2", checks=("aa",)))
    assert planned(asked, described(commands={"aa --version": f"aa {version}"})) == {"package:aa": status}


@pytest.mark.parametrize(
    ("requirement", "host"),
    [
        (PackageRequirement("aa", checks=(Check("shell", "test -e /x"),)), {}),
        (PackageRequirement("aa", ">=2", checks=("aa",)), {"files": {"/usr/bin/aa": ("x", 0o755)}}),
    ],
)
def test_a_check_without_an_answer_is_an_error_that_says_how_to_give_one(requirement, host):
    with pytest.raises(MngrAnsibleError, match=r"the check of aa (?s:.*)fake_host\(commands="):
        planned(needs(requirement), described(**host))


def test_a_tool_of_the_catalog_is_missing_where_it_is_not_described():
    assert planned(needs("build-tools"), described()) == {"package:build-tools": "missing"}


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ({"packges": {"git": "2"}}, r"'packges' \(did you mean packages\?\)"),
        ({"packages": {"git": 2.40}}, r"packages\['git'\] = 2.4 "),
        ({"commands": ["x"]}, "commands = .* is not a mapping"),
        ({"files": ["x"]}, "files = .* is not a mapping"),
        ({"os": 5}, "os = 5 is not a string"),
        ({"users": "agent"}, "is one name"),
    ],
)
def test_a_mistake_in_the_description_is_told_and_not_taken_for_an_attribute(wrong, meant):
    with pytest.raises(MngrAnsibleError, match=meant):
        described(**wrong)


def test_a_mistake_in_a_call_is_told():
    for wrong in (None, 5, [5]):
        with pytest.raises(MngrAnsibleError, match="is not a plugin"):
            plan_of(wrong)
    with pytest.raises(MngrAnsibleError, match=r"'workdir' \(did you mean work_dir\?\)"):
        plan_of(needs("git"), workdir="/w")
    with pytest.raises(MngrAnsibleError, match=r"(?s)'debian:12' is not a fake host.*fake_host\('debian:12'\)"):
        plan_host(plan_of(needs("git")), "debian:12")
    with pytest.raises(MngrAnsibleError, match="5 is not a fake host"):
        plan_of(needs("git"), host=5)
    with pytest.raises(MngrAnsibleError, match="is not a plan"):
        plan_host(needs("git"), described())
