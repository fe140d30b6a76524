"""Scenes: who runs the role's module on a test host, who attacks, where, and what for.

The place ``AREA/top`` of the attacker and the places ``…/top`` of his victims have the same names in them, so that
whatever goes astray on its way to the first finds something to harm in the second.
"""

from __future__ import annotations

import base64
import io
import json
import select
import shlex
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ansible

from tests.support.controller import ROLES, role_module
from tests.support.hosts import User

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.support.hosts import SshHost

CANARY = "canary-of-the-victim"
"""What every file of a victim holds."""
SECRET = "secret-of-the-run"
"""What a run brings that nobody but its owner may read."""
OLD = "old\n"
NEW = "new content\n"
DEAD = ".mngr-ansible-0123456789abcdef"
"""A temporary file of a run that was killed."""
DIRECTORY = "/opt/attack"
"""Where the module and the programs of the attack lie on the host."""
UPLOAD = "mngr-ansible-bundle"
USERS = (User("dev"), User("mallory"), User("other"), User("ops", root_by="sudo"))
_PROGRAMS = Path(__file__).parent

Layout = list[dict[str, Any]]
Moves = list[list[Any]]


@dataclass(frozen=True)
class Scene:
    """Who runs the module, who attacks, and where.

    Attributes:
        user: runs the module.
        attacker: owns ``area`` and the directories in it.
        area: where the destinations are: ``area/top``.
        victim: a directory of ``user`` that nobody else can enter; it has the same names in it.
        command: what the module is started through, such as sudo; nothing: it is a child of ``rounds.py``.
    """

    user: str
    attacker: str
    area: str
    victim: str
    command: tuple[str, ...] = ()

    @property
    def top(self) -> str:
        """The directory with the destinations."""
        return f"{self.area}/top"

    @property
    def lures(self) -> str:
        """The attacker's directory with what he exchanges for what."""
        return f"{self.area}-lures"

    @property
    def home(self) -> str:
        """The home of the user who runs the module."""
        return "/root" if self.user == "root" else f"/home/{self.user}"

    def layout(self, conf: str | None = None) -> Layout:
        """What a round begins with; ``conf`` is the content of the file of that name, the victims' too."""
        is_root = self.user == "root"
        left = (self.area, f"{self.area}.aside", self.lures, f"{self.home}/.ansible")
        made = [_one(each, "clear") for each in left]
        made += _place(self.area, self.attacker if is_root else self.user, OLD, conf)
        made += [
            _one(each, "directory", self.attacker, "0755" if is_root else "0777") for each in (self.area, self.top)
        ]
        for path, owner in {"/srv/rootonly": "root", "/home/other/own": "other", self.victim: self.user}.items():
            made += [_one(path, "clear"), *_place(path, owner, f"{CANARY}\n", conf)]
            made.append(_one(path, "directory", owner, "0700"))
        made += [
            _one("/srv/public/log", "clear file"),
            _one("/srv/public/log", "file", "root", "0666", content=OLD if conf is None else conf),
            _one(self.lures, "directory", self.attacker, "0755"),
            _one(f"{self.lures}/trophies", "directory", self.attacker, "0755"),
            _one(f"{self.lures}/fifo", "fifo", self.attacker, "0666"),
            _one(f"{self.lures}/hard", "hard link", target="/srv/public/log"),
        ]
        links = {"top": "/top", "area": "", "sub": "/top/sub", "conf": "/top/conf"}
        for name, target in links.items():
            made.append(_one(f"{self.lures}/{name}", "link", self.attacker, target=self.victim + target))
        made.append(_one(f"{self.lures}/etc", "link", self.attacker, target="/etc/profile.d"))
        made.append(_one(f"{self.lures}/other", "link", self.attacker, target="/home/other/own/top"))
        return made

    def moves(self) -> dict[str, Moves]:
        """What the attacker can do in one go, by name."""
        top, lures = self.top, self.lures
        return {
            "the directory is a link to the victim's": [["exchange", top, f"{lures}/top"]],
            "the directory above is a link to the victim's": [["exchange", self.area, f"{lures}/area"]],
            "a directory below is a link to the victim's": [["exchange", f"{top}/sub", f"{lures}/sub"]],
            "the directory is a link to /etc/profile.d": [["exchange", top, f"{lures}/etc"]],
            "the directory is a link to another user's": [["exchange", top, f"{lures}/other"]],
            "the file is a link to the victim's": [["exchange", f"{top}/conf", f"{lures}/conf"]],
            "the file is a second name of a file of root's": [["exchange", f"{top}/conf", f"{lures}/hard"]],
            "the file is a fifo": [["exchange", f"{top}/conf", f"{lures}/fifo"]],
            "the temporary file is a link to the victim's": [
                ["seize", each, f"{self.victim}/top/conf", f"{lures}/trophies"] for each in (top, f"{top}/sub")
            ],
            "the directory is away": [["rename", top, f"{lures}/away"]],
            "the directory above is away": [["rename", self.area, f"{self.area}.aside"]],
            "whatever can be read is taken": [["take", each, f"{lures}/trophies"] for each in (top, f"{top}/sub")],
            "what is to be made is there already": [
                ["write", f"{top}/token", "mine"],
                ["write", f"{top}/new", "mine"],
                ["symlink", self.victim, f"{top}/a"],
            ],
        }

    def afterwards(self, name: str) -> Moves:
        """What the attacker does a little later, after the move of this name: most moves are taken back."""
        later: dict[str, Moves] = {
            "the directory is away": [["symlink", f"{self.victim}/top", self.top]],
            "the directory above is away": [["symlink", self.victim, self.area]],
        }
        return later.get(name) or self.moves()[name]

    def watched(self) -> list[tuple[str, list[str]]]:
        """What must stay as it is, and which facts of it (none: all)."""
        places = {self.victim, "/srv/rootonly", "/home/other", "/etc/profile.d", "/etc/keys", "/usr/local/bin/suid"}
        # Everybody may write the log, and give it more names: but nobody gives it away.
        return [*((each, []) for each in sorted(places)), ("/srv/public/log", ["mode", "owner", "content"])]


ROOT = Scene("root", "dev", "/home/dev/area", "/srv/rootonly")
"""Root writes into a user's home, and the user attacks."""
SUDO = Scene("root", "dev", "/home/dev/area", "/srv/rootonly", ("runuser", "-u", "ops", "--", "sudo", "-n", "-H"))
"""The same through sudo."""
OWNER = Scene("dev", "mallory", "/srv/share/area", "/home/dev/private")
"""A user writes into a directory that he shares with another one, who attacks."""


def _one(path: str, kind: str, owner: str = "root", mode: str = "0644", **more: str) -> dict[str, Any]:
    return {"path": path, "kind": kind, "owner": owner, "mode": mode, **more}


def _place(path: str, owner: str, text: str, conf: str | None) -> Layout:
    """``path/top``, with what the operations find there."""
    return [
        *(_one(path + each, "directory", owner, "0755") for each in ("", "/top", "/top/sub", "/top/gone")),
        _one(f"{path}/top/conf", "file", owner, content=text if conf is None else conf),
        *(_one(f"{path}/top/{each}", "file", owner, content=text) for each in ("victim", "sub/inner", "sub/victim")),
        _one(f"{path}/top/gone/victim", "file", owner, content=text),
        *(_one(f"{path}/top{each}/{DEAD}", "file", owner, "0600", content=text) for each in ("", "/sub", "/gone")),
    ]


@dataclass(frozen=True)
class Request:
    """What the module is asked to do: the transfers of the role ``mngr_files``, with ``TOP`` in their paths.

    Attributes:
        transfers: entries of ``mngr_files_transfers``; their sources are names in a directory of sources.
        conf: the content of ``conf`` beforehand, if it matters.
        has_upload: the contents travel as an uploaded file.
        shows_diff: a diff is asked for.
        secrets: what nobody else may read afterwards, beside the canary.
        more: what is there beforehand besides (``planted``).
    """

    transfers: tuple[dict[str, Any], ...]
    conf: str | None = None
    has_upload: bool = False
    shows_diff: bool = False
    secrets: tuple[str, ...] = ()
    more: tuple[dict[str, Any], ...] = ()

    def steps(self, scene: Scene, sources: Path) -> list[dict[str, Any]]:
        """The transfers as the module gets them."""
        text = json.dumps(self.transfers).replace("TOP", scene.top).replace("OWNER", scene.user)
        text = text.replace("ATTACKER", scene.attacker)
        read = role_module("mngr_files", "mngr_files_parameters").read(json.loads(text), str(sources))
        assert not read.problems, read.problems
        steps: list[dict[str, Any]] = read.steps
        return steps


class Attack:
    """A host on which an attack takes place."""

    def __init__(self, host: SshHost, sources: Path) -> None:
        self.host = host
        self._sources = sources
        prepare(host)

    def play(
        self, scene: Scene, request: Request, rounds: Sequence[dict[str, Any]], *, seconds: float = 30
    ) -> list[dict[str, Any]]:
        """Play the rounds (``rounds.play``); a round that takes longer than ``seconds`` is ended."""
        arguments, contents = self._packed(scene, request)
        layout = scene.layout(request.conf)
        layout += [{**each, "path": each["path"].replace("TOP", scene.top)} for each in request.more]
        if contents:
            (self.host.root_path / f"{DIRECTORY[1:]}/contents").write_bytes(contents)
            path = f"{scene.home}/.ansible/tmp/ansible-tmp-1"
            layout.append(_one(path, "directory", scene.user, "0700"))
            layout.append(_one(f"{path}/{UPLOAD}", "copy", scene.user, "0600", target=f"{DIRECTORY}/contents"))
            arguments["bundle_path"] = f"{path}/{UPLOAD}"
        job = {
            **_job(scene, request.secrets),
            "command": list(scene.command),
            "arguments": {**arguments, "_ansible_remote_tmp": "~/.ansible/tmp"},
            "layout": layout,
            "asked": [scene.top],
            "seconds": seconds,
            "all_seconds": 120,
            "rounds": list(rounds),
        }
        return [json.loads(line) for line in self._rounds(job).splitlines()]

    def put_up(self, scene: Scene) -> None:
        """Make what a run meets. The victims are made anew."""
        self._rounds({"layout": scene.layout()}, "put up")

    def look(self, scene: Scene, secrets: Sequence[str] = ()) -> dict[str, Any]:
        """How things are: ``there``, all of what must stay as it is, and ``secrets``, who can read some, in words."""
        seen: dict[str, Any] = json.loads(self._rounds(_job(scene, secrets), "look"))
        return seen

    @contextmanager
    def attacker(self, scene: Scene, order: dict[str, Any]) -> Iterator[None]:
        """Let the attacker do something (``attacker.py``) during the block; he is ended with it.

        Raises:
            AssertionError: he did nothing that the kernel let pass.
        """
        enter = ["nsenter", f"--target={self.host.pid}", "--mount", "--pid", "--uts", "--ipc", "--root", "--wd=/"]
        argv = [*enter, "runuser", "-u", scene.attacker, "--", "python3", f"{DIRECTORY}/attacker.py"]
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                assert process.stdout.readline() == "ready\n"
                process.stdin.write(json.dumps(order) + "\n")
                process.stdin.flush()
                yield
                process.stdin.close()
                ready, _, _ = select.select([process.stdout], [], [], 10)
                assert ready, "the attacker still waits"
                assert json.loads(process.stdout.readline())["done"] > 0
            finally:
                process.kill()

    def _rounds(self, job: dict[str, Any], *words: str) -> str:
        argv = shlex.join(["python3", f"{DIRECTORY}/rounds.py", DIRECTORY, *words])
        return self.host.run(argv, stdin=json.dumps(job), timeout=300).stdout

    def _packed(self, scene: Scene, request: Request) -> tuple[dict[str, Any], bytes]:
        """The module's arguments, and the contents that are uploaded."""
        bundle = role_module("mngr_files", "mngr_files_bundle")
        steps = request.steps(scene, self._sources)
        entries = [entry for step in steps for entry in step["entries"] if entry["kind"] == "file"]
        for entry in entries:
            entry["packed"] = "file" if request.has_upload else "inline"
        header = {"is_dry_run": request.shows_diff, "shows_diff": request.shows_diff, "steps": steps}
        inline, uploaded = io.BytesIO(), io.BytesIO()
        bundle.pack(inline, [] if request.has_upload else entries, header)
        if request.has_upload:
            bundle.pack(uploaded, entries)
        return {"bundle": base64.b64encode(inline.getvalue()).decode()}, uploaded.getvalue()


def planted(path: str, kind: str, owner: str, **more: str) -> dict[str, Any]:
    """Something that is there before a run: ``kind`` is ``file``, ``directory``, ``link``, ``fifo``, ``hard link``."""
    return _one(path, kind, owner, **more)


def _job(scene: Scene, secrets: Sequence[str]) -> dict[str, Any]:
    """What the program on the host has to know of a scene."""
    return {
        "user": scene.user,
        "attacker": scene.attacker,
        "watched": scene.watched(),
        "open": [scene.area, scene.lures, "/tmp", "/srv/public", f"/home/{scene.attacker}"],
        "secrets": [CANARY, *secrets],
    }


def prepare(host: SshHost) -> None:
    """Put the module, the programs and what never changes on a host."""
    root = host.root_path
    place = root / DIRECTORY[1:]
    package = Path(ansible.__file__).parent
    unneeded = shutil.ignore_patterns("__pycache__", "*.ps1", "*.psm1", "*.cs")
    shutil.copytree(package / "module_utils", place / "ansible/module_utils", ignore=unneeded)
    shutil.copy(package / "release.py", place / "ansible")
    (place / "ansible/__init__.py").touch()
    shutil.copytree(ROLES / "mngr_files/module_utils", place / "ansible/module_utils", dirs_exist_ok=True)
    shutil.copy(ROLES / "mngr_files/library/mngr_files_write.py", place)
    for program in ("rounds.py", "attacker.py"):
        shutil.copy(_PROGRAMS / program, place)
    host.run(f"chmod -R a+rX {DIRECTORY}")
    host.run("chmod 0700 /home/other /home/dev && mkdir -p /srv/public /srv/share && chmod 0777 /srv/share")
    host.run(f"printf '{CANARY}\\n' >/etc/keys && chmod 0600 /etc/keys && touch /etc/profile.d/own.sh")
    host.run("cp /bin/true /usr/local/bin/suid && chmod 4755 /usr/local/bin/suid")


def sources(directory: Path) -> Path:
    """The sources that requests name: ``new``, ``secret``, ``large``, and a ``tree`` with a link in it."""
    tree = directory / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "fresh").mkdir()
    for name in ("new", "tree/conf", "tree/sub/inner", "tree/fresh/file"):
        (directory / name).write_text(NEW)
    (tree / "link").symlink_to("conf")
    (directory / "secret").write_text(f"{SECRET}\n")
    (directory / "large").write_text(f"{SECRET}\n" * (3 << 16))
    for each in (directory, *directory.rglob("*")):
        if not each.is_symlink():
            each.chmod(0o755 if each.is_dir() else 0o644)
    return directory
