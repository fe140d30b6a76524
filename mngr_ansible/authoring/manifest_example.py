"""The verb ``init``: a manifest to start from, with comments; after a few questions where somebody can answer."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from mngr_ansible.authoring.manifest_checks import SCHEMA
from mngr_ansible.errors import InputError
from mngr_ansible.portable.sh import join
from mngr_ansible.portable.text import printable
from mngr_ansible.spec.packages import PackageRequirement
from mngr_ansible.system.homes import expanded
from mngr_ansible.values import frozen

DEFAULT = "agent-host.yml"
"""The manifest that is written where none is named."""

_DOTFILES = {
    ".gitconfig": False,
    ".config/git/config": False,
    ".tmux.conf": False,
    ".npmrc": True,
    ".netrc": True,
    ".pypirc": True,
}
"""Files of a home that agents often need, and whether they hold secrets."""

_FIRST_TOOLS = ("git",)
"""The tools of a manifest about which nobody was asked."""

type Ask = Callable[[str], str]


@frozen
class _Wishes:
    """What the manifest is to ask for.

    Attributes:
        dotfiles: files of the home, such as ``.npmrc``.
        tools: requirements.
    """

    dotfiles: tuple[str, ...] = ()
    tools: tuple[PackageRequirement, ...] = tuple(map(PackageRequirement, _FIRST_TOOLS))


def write_manifest(file: str | None, ask: Ask | None = None) -> tuple[Path, str]:
    """Write a manifest; its path, and words for people.

    Args:
        file: its name; TOML if it ends in ``.toml``. None: ``agent-host.yml``.
        ask: asks a question and returns the answer; None where nobody can answer.

    Raises:
        InputError: the file exists, or cannot be written.
    """
    path = Path(file or DEFAULT)
    if path.suffix not in (".yml", ".yaml", ".toml"):
        remedy = f"Name a file such as {DEFAULT} or agent-host.toml."
        raise InputError(f"{str(path)!r} does not end in .yml, .yaml or .toml", remedy=remedy)
    if os.path.lexists(path):
        raise _exists(path)
    wishes = _Wishes() if ask is None else _asked(ask)
    text = _toml(wishes, path.name) if path.suffix == ".toml" else _yaml(wishes, path.name)
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        problem = f"{printable(str(path))} cannot be written: {error.strerror}"
        raise InputError(problem, remedy="Name a file in a directory that exists and that you can write.") from error
    return path, _next_steps(path)


def _exists(path: Path) -> InputError:
    problem = f"{printable(str(path))} exists already, and nothing is replaced"
    return InputError(problem, remedy=f"Name another file: mngr-ansible init my-{DEFAULT}")


def _next_steps(path: Path) -> str:
    name = join([f"./{path}" if str(path).startswith("-") else str(path)])
    return f"""\
{printable(str(path))} was written. Change it, then:
  mngr-ansible check {name}
  mngr-ansible plan --manifest {name} --host HOST
  mngr-ansible apply --manifest {name} --host HOST"""


def _asked(ask: Ask) -> _Wishes:
    """What a person wishes for; Enter takes what is in brackets."""
    tools = _asked_tools(ask)
    found = [each for each in _DOTFILES if expanded(f"~/{each}").is_file()]
    dotfiles = []
    for each in found:
        secret = ", as a secret" if _DOTFILES[each] else ""
        if ask(f"Copy ~/{each}{secret}? [y/N] ").lower() in ("y", "yes"):
            dotfiles.append(each)
    return _Wishes(tuple(dotfiles), tools)


def _asked_tools(ask: Ask) -> tuple[PackageRequirement, ...]:
    names, wrong = " ".join(_FIRST_TOOLS), ""
    while True:
        words = ask(f"{wrong}Which tools does the host need, such as git 'node>=20' ripgrep? [{names}] ") or names
        try:
            return tuple(PackageRequirement.parse(each.strip("'\"")) for each in words.replace(", ", " ").split())
        except InputError as error:
            problem = re.sub(r"\A[A-Z]\w+(?:\.\w+)?: ", "", error.problem)
            wrong = f"{problem}. {error.remedy}\n"


def _yaml(wishes: _Wishes, name: str) -> str:
    """The manifest as YAML; its first line names the schema for editors. A key without entries stands alone, so that a
    comment below it can become its first entry."""
    schema = quote(str(SCHEMA), safe="/:@+~,=-._")
    files = [f"  - {{{_fields(each, '{}: {}')}}}\n" for each in wishes.dotfiles]
    packages = [f"  - {_yaml_word(str(each))}\n" for each in wishes.tools]
    return f"""\
# yaml-language-server: $schema={schema}
# (for editors. It is a file of this machine; mngr-ansible check --schema prints one to keep beside this manifest.)
{_head(name)}
{_ABOUT_FILES}
files:
{"".join(files)}\
  # - {{local_path: ~/.npmrc, remote_path: ~/.npmrc, is_required: false, is_secret: true}}
  # - {{local_path: rules, remote_path: .agent/rules, exclude: ["*.draft"], mirror: true}}
  # - {{local_path: sudoers, remote_path: /etc/sudoers.d/agent, mode: "0440", owner: root, group: root}}

{_ABOUT_PACKAGES}
packages:
{"".join(packages)}\
  # - node>=20
  # - {{name: ripgrep, purpose: searches code}}
  # - {{name: fd, checks: [fd, fdfind], packages: {{apt: [fd-find], dnf: [fd-find]}}}}
"""


def _toml(wishes: _Wishes, name: str) -> str:
    """The manifest as TOML."""
    files = [f"  {{{_fields(each, '{} = {}', mark=chr(34))}}},\n" for each in wishes.dotfiles]
    packages = [f'  "{each}",\n' for each in wishes.tools]
    return f"""\
{_head(name)}
{_ABOUT_FILES}
files = [
{"".join(files)}\
  # {{local_path = "~/.npmrc", remote_path = "~/.npmrc", is_required = false, is_secret = true}},
  # {{local_path = "rules", remote_path = ".agent/rules", exclude = ["*.draft"], mirror = true}},
  # {{local_path = "sudoers", remote_path = "/etc/sudoers.d/agent", mode = "0440", owner = "root", group = "root"}},
]

{_ABOUT_PACKAGES}
packages = [
{"".join(packages)}\
  # "node>=20",
  # {{name = "ripgrep", purpose = "searches code"}},
  # {{name = "fd", checks = ["fd", "fdfind"], packages = {{apt = ["fd-find"], dnf = ["fd-find"]}}}},
]
"""


_ABOUT_FILES = """\
# Files and directories of this machine. A relative local_path starts at the directory of this file, a relative
# remote_path at --work-dir; ~/ is your home here, and the remote user's there."""
_ABOUT_PACKAGES = """\
# Tools, with the versions that are good enough. Known ones: mngr-ansible catalog"""


def _head(name: str) -> str:
    """What the file is, and the three commands that take it."""
    word = join([f"./{name}" if name.startswith("-") else name])
    return f"""\
# What a host needs, for mngr-ansible. All keys: mngr-ansible help manifest
#   mngr-ansible check {word}                          is it right?
#   mngr-ansible plan --manifest {word} --host HOST    what would change there?
#   mngr-ansible apply --manifest {word} --host HOST   change it
"""


def _yaml_word(text: str) -> str:
    """A requirement as YAML, in quotes where that would read it as something else than text."""
    is_plain = text[0].isalpha() and text.lower() not in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    return text if is_plain else f'"{text}"'


def _fields(name: str, pair: str, mark: str = "") -> str:
    """The fields of a file of the home. It is not required: on another machine of the user's it may be missing.

    Args:
        name: the file, such as ``.npmrc``.
        pair: how a key and its value are written.
        mark: what stands around text.
    """
    path = f"{mark}~/{name}{mark}"
    fields = {"local_path": path, "remote_path": path, "is_required": "false"}
    fields |= {"is_secret": "true"} if _DOTFILES[name] else {}
    return ", ".join(pair.format(key, value) for key, value in fields.items())
