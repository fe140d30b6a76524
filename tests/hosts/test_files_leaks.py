"""What is secret is found nowhere but where it belongs: in no file, argv or output, on neither machine."""

import base64
import os
from pathlib import Path

import pytest

from tests.support.builders import write
from tests.support.command_line import mngr_ansible, on
from tests.support.hosts import SshHost, User
from tests.support.processes import witnessed

CONTENT, ENVIRONMENT, PASSWORD, THERE = (
    f"canary-of-the-{name}" for name in ("content", "environment", "password", "host")
)
SECRETS = {"CALLERS_TOKEN": ENVIRONMENT, "ANSIBLE_BECOME_PASSWORD": PASSWORD, "ANSIBLE_SSH_PASSWORD": PASSWORD}


def forms(canary: str) -> list[str]:
    """The canary, and what of it is always in base64 text, wherever in the text it begins."""
    shifted = (base64.b64encode(b"x" * before + canary.encode()).decode() for before in range(3))
    return [canary, *(text[4:-4] for text in shifted)]


ALL = [form for canary in (CONTENT, ENVIRONMENT, PASSWORD, THERE) for form in forms(canary)]


def hits(text: str) -> list[str]:
    return [form for form in ALL if form in text]


def files_with_hits(top: Path, *, but: Path) -> list[Path]:
    """The files below a directory that hold a canary, aside from the source."""
    paths = (path for path in top.rglob("*") if path.is_file() and not path.is_relative_to(but))
    return [path for path in paths if hits(path.read_bytes().decode("latin-1"))]


def files_on(host: SshHost) -> list[str]:
    """The files of a host that are newer than the mark and hold a canary."""
    words = " ".join(f"-e {form}" for form in ALL)
    search = f"find / -xdev -newer /mark -type f -print0 | xargs -0 -r grep -lF {words}"
    return host.run(search, check=False).stdout.splitlines()


@pytest.fixture
def agent(ssh_host) -> SshHost:
    host = ssh_host(layer="tools", users=(User("agent", root_by="sudo"), User("other")))
    host.run(f"echo {THERE} >/srv/private; chmod 600 /srv/private; chown agent /srv/private; chmod 777 /srv")
    host.run("touch /mark; sleep 0.1")
    return host.as_user("agent")


@pytest.mark.parametrize("is_failing", [False, True])
def test_secrets_are_found_nowhere_but_where_they_belong(agent, tmp_path, is_failing):
    sources = tmp_path / "sources"
    secret = write(sources / "secret", f"{CONTENT}\n" * 30, 0o644)
    auto = write(sources / "tree" / "auto", CONTENT, 0o600)
    large = sources / "large"
    large.write_bytes(os.urandom(3 << 20) + CONTENT.encode())
    large.chmod(0o600)
    destination = "/proc/new" if is_failing else "/srv/there"
    manifest = write(
        sources / "manifest.yml",
        "files:\n"
        f"- {{local_path: {secret}, remote_path: /srv/private, is_secret: true}}\n"
        f"- {{local_path: {auto.parent}, remote_path: /srv/tree}}\n"
        f"- {{local_path: {large}, remote_path: /srv/large}}\n"
        f"- {{local_path: {secret}, remote_path: {destination}, is_secret: true, owner: other}}\n",
    )
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    surroundings = {**SECRETS, "HOME": str(home), "TMPDIR": str(temporary)}
    words = ["--manifest", manifest, *on(agent)]
    plan_files = ["--report", tmp_path / "plan.html", "--junit", tmp_path / "plan.xml"]
    run_files = ["--report", tmp_path / "run.html", "--junit", tmp_path / "run.xml"]
    verbs = [["plan"], ["plan", "--diff", *plan_files], ["plan", "--diff", "--json"], ["render", tmp_path / "run"]]
    verbs += [["apply", "-v", *run_files], ["apply", "--json"], ["apply"]]

    said = []
    with witnessed(*ALL) as seen:
        for verb in verbs:
            done = mngr_ansible(*verb, *words, env=surroundings)
            said.append(done.stdout + done.stderr)
            assert "Traceback" not in done.stderr
            if verb[:2] == ["apply", "-v"]:
                assert (done.returncode == 0) is not is_failing, done.stderr

    assert [hits(text) for text in said] == [[]] * len(verbs)
    assert seen() == []
    assert files_with_hits(tmp_path, but=sources) == []
    assert list(temporary.iterdir()) == []
    belongs = set() if is_failing else {"/srv/private", "/srv/tree/auto", "/srv/large", "/srv/there"}
    assert set(files_on(agent)) <= belongs | {"/srv/private", "/srv/tree/auto", "/srv/large"}
    assert belongs <= set(files_on(agent))
    assert agent.run("find / -xdev -newer /mark -name 'mngr-ansible-bundle'").stdout == ""
