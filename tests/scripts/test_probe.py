"""The probe: one read-only script for any shell, whose answer is not trusted."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.errors import HostError
from mngr_ansible.host.connection import LocalShell, ShellResult
from mngr_ansible.host.probe import probe
from mngr_ansible.host.probe_answer import parse_answer
from mngr_ansible.host.probe_request import ProbeRequest
from mngr_ansible.host.state import MISSING
from mngr_ansible.plan.transfers import Claim, Destination, WriteOptions
from mngr_ansible.portable import trees
from tests.support.builders import claim, requirements, write
from tests.support.shells import SHELLS

HOSTILE = [
    "{{ lookup('pipe','touch pwned') }}",
    "$HOME",
    "~root",
    "a b'\"",
    "-dash",
    "new\nline",
    "back\\slash",
    "bad\udcff",
    "ü" * 100,
]


class Shell:
    """This machine through one shell; counts the round trips."""

    is_local = True
    variables: dict[str, object] = {}  # noqa: RUF012

    def __init__(self, argv: Sequence[str], limit: int = 1 << 30) -> None:
        self.argv, self.limit, self.trips = list(argv), limit, 0

    def holds(self, script: str) -> bool:
        return len(os.fsencode(script)) <= self.limit

    def run(self, script: str, timeout: float) -> ShellResult:
        self.trips += 1
        data = os.fsencode(script)
        assert len(data) <= self.limit
        done = subprocess.run(self.argv, input=data, capture_output=True, timeout=timeout)
        return ShellResult(
            done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"), done.returncode
        )


class EditedAnswer:
    """This machine, whose answer is changed before we read it."""

    is_local, variables = False, {}

    def __init__(self, edit) -> None:
        self.edit = edit

    def holds(self, script: str) -> bool:
        return True

    def run(self, script: str, timeout: float) -> ShellResult:
        answer = LocalShell().run(script, timeout)
        return ShellResult(self.edit(answer.stdout), "", 0)


@pytest.fixture(params=SHELLS.values(), ids=SHELLS)
def shell(request):
    if shutil.which(request.param[0]) is None:
        pytest.skip(f"{request.param[0]} is not installed")
    return Shell(request.param)


def test_kind_mode_and_hash_of_every_destination_are_reported(shell, tmp_path):
    source, there = tmp_path / "source", tmp_path / "there"
    for base in (source, there):
        (base / "sub").mkdir(parents=True)
        for name in HOSTILE:
            (base / "sub" / name).write_bytes(os.fsencode(name))
    (there / "sub" / HOSTILE[0]).chmod(0o640)
    (there / "sub" / HOSTILE[1]).unlink()
    (there / "sub" / HOSTILE[2]).unlink()
    (there / "sub" / HOSTILE[2]).symlink_to("elsewhere")

    state = probe(shell, ProbeRequest((claim(source, there),), ()), 30)

    def at(name):
        return state.paths.files[f"{there}/sub/{name}"]

    assert (at(HOSTILE[0]).kind, at(HOSTILE[0]).mode) == ("file", 0o640)
    assert at(HOSTILE[1]) == MISSING
    assert (at(HOSTILE[2]).kind, at(HOSTILE[2]).sha256) == ("link", hashlib.sha256(b"elsewhere\n").hexdigest())
    for name in HOSTILE[3:]:
        assert at(name).sha256 == hashlib.sha256(os.fsencode(name)).hexdigest(), name
    assert state.paths.files[str(there)].kind == "directory"


def test_the_remote_user_the_system_and_packages_are_reported(shell):
    state = probe(shell, ProbeRequest((), requirements("git>=1")), 30)

    assert state.login.uid == os.getuid()
    assert state.login.privilege == ("root" if os.getuid() == 0 else state.login.privilege)
    assert state.system.name
    assert state.system.python is not None
    assert state.findings["package:git"].status == "ok"


def test_a_python_that_prints_when_it_starts_is_found(shell, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("print('3.1 Welcome')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    assert probe(shell, ProbeRequest((), ()), 30).system.python is not None


@pytest.mark.parametrize("name", ["PYTHONHOME", "PYTHONPATH"])
def test_what_of_the_environment_keeps_python_from_starting_is_reported(shell, tmp_path, monkeypatch, name):
    (tmp_path / "json.py").write_text("raise SystemError")
    monkeypatch.setenv(name, str(tmp_path))

    system = probe(shell, ProbeRequest((), ()), 30).system
    assert (system.python, system.python_variables) == (None, (name,))


def test_nothing_is_written(shell, tmp_path, monkeypatch):
    (tmp_path / "f").write_text("x")
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path)), os.stat(tmp_path).st_mtime_ns

    probe(
        shell,
        ProbeRequest((claim(tmp_path / "f", tmp_path / "{{ x }}"), claim(tmp_path / "f", "$(touch pwned)")), ()),
        30,
    )

    assert (sorted(os.listdir(tmp_path)), os.stat(tmp_path).st_mtime_ns) == before


def test_parents_are_reported_with_the_nearest_directory_above(shell, tmp_path):
    (tmp_path / "f").write_text("x")
    (tmp_path / "dir").mkdir()
    places = {"dir/x": "w", "no/such/x": "W", "f/x": "x", "f/sub/x": "x"}
    request = ProbeRequest(tuple(claim(tmp_path / "f", tmp_path / each) for each in places), ())

    state = probe(shell, request, 30)

    assert {each: state.paths.parents[str((tmp_path / each).parent)] for each in places} == places


def test_what_root_must_look_at_and_what_a_mirror_holds_is_reported(shell, tmp_path):
    (tmp_path / "source").mkdir()
    (tmp_path / "there" / "it's" / "new\nline").mkdir(parents=True)
    (tmp_path / "there" / "file").write_text("x")
    (tmp_path / "link").symlink_to("there")
    entries = trees.read(str(tmp_path / "source")).entries
    options = WriteOptions(owner=str(os.getuid()), group="root")
    mirror = Claim("p", Destination(f"{tmp_path}/there"), entries, options, is_mirror=True)
    behind_a_link = Claim("p", Destination(f"{tmp_path}/link/x"), entries, options)

    state = probe(shell, ProbeRequest((mirror, behind_a_link), ()), 30)

    assert state.paths.files[f"{tmp_path}/there"].kind == "directory"
    assert state.paths.parents == {}
    assert state.paths.parents_as_root == {str(tmp_path): "w", f"{tmp_path}/link": "w"}
    assert state.paths.real == {f"{tmp_path}/link": f"{tmp_path}/there"}
    assert state.paths.listings == {
        f"{tmp_path}/there": {"it's": "directory", "it's/new\nline": "directory", "file": "file"}
    }
    assert state.paths.identities[f"{tmp_path}/there"] == {
        name: "{0.st_dev}:{0.st_ino}".format(os.lstat(tmp_path / "there" / name))
        for name in ("it's", "it's/new\nline", "file")
    }
    assert state.paths.owner_ids == {("group", "root"): 0}
    assert state.login.real_home == os.path.realpath(state.login.home)


def test_home_and_work_dir_are_resolved_on_the_host(shell, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "x").write_text("x")
    request = ProbeRequest((claim(tmp_path / "x", "~/x"), claim(tmp_path / "x", "y")), (), work_dir="~/work")

    state = probe(shell, request, 30)

    assert (state.login.home, state.paths.work_dir) == (str(tmp_path), f"{tmp_path}/work")
    assert state.paths.files[f"{tmp_path}/x"].kind == "file"
    assert state.paths.files[f"{tmp_path}/work/y"] == MISSING


@pytest.mark.parametrize(
    ("work_dir", "below"),
    [("", ""), ("~", ""), ("~/", ""), (".", ""), ("~//a/", "/a"), ("a/../b", "/b"), ("./~", "/~")],
)
def test_work_dir_is_below_the_home_unless_it_is_absolute(tmp_path, monkeypatch, work_dir, below):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert probe(LocalShell(), ProbeRequest((), (), work_dir), 30).paths.work_dir == f"{tmp_path}{below}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user that does not exist")
@pytest.mark.parametrize("home", ["/tmp", None])
def test_a_user_without_a_name_or_a_home_is_one_line_each(home):
    env = {"PATH": "/usr/bin:/bin", **({"HOME": home} if home else {})}

    class Nameless(Shell):
        def run(self, script: str, timeout: float) -> ShellResult:
            argv = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups", "/bin/sh"]
            done = subprocess.run(argv, input=script.encode(), capture_output=True, timeout=timeout, env=env, cwd="/")
            return ShellResult(done.stdout.decode(), done.stderr.decode(), done.returncode)

    state = probe(Nameless([]), ProbeRequest((claim("/etc/hostname", "~/x"),), requirements("sh")), 30)

    assert (state.login.user, state.login.uid, state.login.home) == ("54321", 54321, home or "/")


def test_a_thousand_destinations_need_one_round_trip(tmp_path):
    for number in range(1000):
        (tmp_path / f"some-longer-name-of-a-file-{number}").write_text("x")
    shell = Shell(["/bin/sh"])

    state = probe(shell, ProbeRequest((claim(tmp_path, tmp_path),), ()), 60)

    assert shell.trips == 1
    assert sum(each.kind == "file" for each in state.paths.files.values()) == 1000


def test_a_connection_with_a_limit_gets_more_but_smaller_scripts(tmp_path):
    for number in range(500):
        (tmp_path / f"some-longer-name-of-a-file-{number}").write_text("x")
    shell = Shell(["/bin/sh"], limit=29_000)

    state = probe(shell, ProbeRequest((claim(tmp_path, tmp_path),), requirements("git")), 60)

    assert shell.trips > 1
    assert sum(each.kind == "file" for each in state.paths.files.values()) == 500
    assert state.findings["package:git"].status == "ok"


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("kinds f", "kinds ff"),
        lambda text: text.replace("kinds f", "kinds n"),
        lambda text: text.replace("hash ", "hash zz"),
        lambda text: text.replace("mode ", "mode 9"),
        lambda text: text.replace("uid ", "uid x"),
        lambda text: text.replace("privilege ", "privilege god"),
        lambda text: text.replace("home /", "home ../"),
        lambda text: text.replace("work_dir", "surprise\nwork_dir"),
        lambda text: text.replace(" end", " und"),
        lambda text: "",
        lambda text: text + "x" * (17 * 1024 * 1024),
    ],
)
def test_an_answer_that_we_did_not_ask_for_is_one_error(edit, tmp_path):
    (tmp_path / "f").write_text("x")

    with pytest.raises(HostError):
        probe(EditedAnswer(edit), ProbeRequest((claim(tmp_path / "f", tmp_path / "f"),), ()), 30)


@given(st.lists(st.one_of(st.text(), st.from_regex(r"(home|uid|kinds|mode|hash|os|python) [ -~]*"))))
def test_any_answer_is_read_or_refused(lines):
    with pytest.raises((ValueError, KeyError, IndexError)):
        parse_answer(lines, ProbeRequest((), ()), ())


def test_what_start_up_files_print_before_and_after_is_ignored(tmp_path):
    noisy = EditedAnswer(lambda text: f"Welcome!\nkinds f\n{text}\nbye\n")

    assert probe(noisy, ProbeRequest((), ()), 30).login.uid == os.getuid()


@pytest.mark.parametrize("find", ["-printf is unknown", "killed"])
def test_a_list_of_a_mirror_is_whole_or_refused_and_needs_no_identities(find, tmp_path, monkeypatch):
    (tmp_path / "there/sub").mkdir(parents=True)
    (tmp_path / "source").mkdir()
    write(tmp_path / "bin/find", '#!/bin/sh\ncase "$*" in *-printf*) exit 1; esac\nexec /usr/bin/find "$@"\n', 0o755)
    if find == "killed":
        write(tmp_path / "bin/find", "#!/bin/sh\nprintf './sub\\0'\nkill -KILL $$\n", 0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin", prepend=":")
    mirror = Claim("p", Destination(f"{tmp_path}/there"), trees.read(str(tmp_path / "source")).entries, is_mirror=True)

    if find == "killed":
        with pytest.raises(HostError, match="not whole"):
            probe(LocalShell(), ProbeRequest((mirror,), ()), 30)
        return
    state = probe(LocalShell(), ProbeRequest((mirror,), ()), 30)
    assert state.paths.listings == {f"{tmp_path}/there": {"sub": "directory"}}
    assert state.paths.identities == {f"{tmp_path}/there": {}}


@given(st.lists(st.from_regex(r"(way|node|to|step|refused|listing) [ -~]*")))
def test_any_line_about_ways_is_read_or_refused(lines):
    with pytest.raises((ValueError, KeyError, IndexError)):
        parse_answer(lines, ProbeRequest((), ()), ())
