# SPDX-License-Identifier: GPL-3.0-or-later
"""``ansible-playbook`` for a playbook of the user's own, whose inventory and environment come through a pipe.

It imports Ansible, so it stands outside of the package, which only runs Ansible. It is started as
``python -P -E own_playbook.py JOB ARGUMENTS``. JOB is a fifo, or ``-`` for stdin, with one JSON document:

``environment``
    Variables of the user's environment, which no file of the run has.
``hosts``
    A list of ``name``, ``groups``, ``variables``, ``templates`` (variables that are templates) and ``levels``: whether
    the ``host`` itself says a variable, or a ``group`` but ``all``.
``groups``
    The names of hosts in each group of the inventory, ``all`` first, in the inventory's order; some have no host here.
``directory``
    That of the playbook.
``become_password``
    For every host that has none of its own; or null.
``vault_passwords``
    A list of pairs: the label of a vault, and its password.
``is_check``
    Nothing is run. The playbook is loaded as a whole, and one line of JSON is printed: ``problem``, a sentence of
    Ansible or null; ``plays``, a list of ``pattern``, ``hosts`` and ``questions`` (the names of ``vars_prompt``);
    where ``is_sent``, since it is run elsewhere, also ``vault_passwords``, all of them as above, and ``files``, the
    paths of all that was loaded.

Otherwise arguments, output and exit codes are those of ``ansible-playbook``.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parent))  # -P leaves it out

import ansible_playbook

job: dict[str, Any] = {}
"""The document; the inventory plugin reads it here."""
known: list[tuple[str, str]] = []
"""The passwords of vaults that Ansible has, with their labels."""


def read_job() -> None:
    """Read the document, and take over the environment that is in it."""
    source, *arguments = sys.argv[1:]
    job.update(json.loads(sys.stdin.read() if source == "-" else Path(source).read_text("utf-8")))
    os.environ.update(job["environment"])
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # nobody answers: ``pause`` goes on at once, as without a terminal
    os.close(nothing)
    sys.argv[1:] = arguments


def hand_over() -> None:
    """Give Ansible the passwords of the document, so that it asks a person for none."""
    from ansible.cli import CLI
    from ansible.parsing.vault import VaultSecret

    set_up = CLI.setup_vault_secrets
    typed = [(label, VaultSecret(password.encode())) for label, password in job["vault_passwords"]]

    def with_typed(*words: Any, **named: Any) -> Any:
        secrets = set_up(*words, **named)
        secrets.extend(typed)  # in place: Ansible has another reference to it, for values that are decrypted later
        known[:] = [(label, secret.bytes.decode("utf-8", "surrogateescape")) for label, secret in secrets]
        return secrets

    CLI.setup_vault_secrets = staticmethod(with_typed)
    CLI.ask_passwords = staticmethod(lambda: (None, job["become_password"]))


def note_files() -> set[str]:
    """The paths of the files that Ansible loads from now on; its own are not among them."""
    import ansible
    from ansible.parsing.dataloader import DataLoader

    files: set[str] = set()
    load, own = DataLoader.load_from_file, f"{Path(ansible.__file__).parent}/"

    def noted(loader: Any, name: str, *words: Any, **named: Any) -> Any:
        data, path = load(loader, name, *words, **named), str(loader.path_dwim(name))
        if not path.startswith(own):
            files.add(path)
        return data

    DataLoader.load_from_file = noted
    return files


def check() -> int:
    """Load the playbook and print what it is; the value is an exit code."""
    from ansible.cli.playbook import PlaybookCLI
    from ansible.errors import AnsibleError
    from ansible.executor.playbook_executor import PlaybookExecutor

    plays: list[dict[str, object]] = []
    problem = None
    files = note_files()

    def load(executor: PlaybookExecutor) -> int:
        plays.extend(loaded(executor))
        return 0

    PlaybookExecutor.run = load
    try:
        PlaybookCLI(["ansible-playbook", "--syntax-check", *sys.argv[1:]]).run()
    except AnsibleError as error:
        problem = f"{str(error).rstrip('.')}{place_of(error)}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except Exception as error:  # noqa: BLE001 - what Ansible does not expect, it reports as a bug of its own
        problem = f"{type(error).__name__}: {error}"
    sent = {"vault_passwords": known, "files": sorted(files)} if job["is_sent"] else {}
    print(json.dumps({"problem": problem, "plays": plays, **sent}), file=sys.__stdout__)
    return 0


def place_of(error: Exception) -> str:
    """Where in which file an error is, as Ansible knows it (ansible-core 2.20); empty where it does not."""
    with suppress(Exception):
        from ansible._internal._datatag._tags import Origin

        while error is not None:
            known = getattr(error, "obj", None)
            origin = known if isinstance(known, Origin) else Origin.get_tag(known)
            if origin is not None and origin.path:
                return f" (line {origin.line_num} of {origin.path})" if origin.line_num else f" ({origin.path})"
            error = error.__cause__
    return ""


def loaded(executor) -> list[dict[str, object]]:  # type: ignore[no-untyped-def]
    """Each play of the playbook; as ``PlaybookExecutor.run`` loads them (ansible-core 2.21)."""
    from ansible.playbook import Playbook
    from ansible.template import Templar

    (path,) = executor._playbooks  # noqa: SLF001
    inventory, variables, loader = executor._inventory, executor._variable_manager, executor._loader  # noqa: SLF001
    playbook = Playbook.load(path, variable_manager=variables, loader=loader)
    found = []
    for play in playbook.get_plays():
        loader.set_basedir(play._included_path or playbook._basedir)  # noqa: SLF001
        inventory.remove_restriction()
        questions = [str(each.get("name")) for each in play.vars_prompt]
        if not questions:  # else the play may need the answers
            play.post_validate(Templar(loader=loader, variables=variables.get_vars(play=play)))
        pattern = play.hosts
        hosts = [] if questions else [each.name for each in inventory.get_hosts(pattern)]
        shown = pattern if isinstance(pattern, str) else ",".join(map(str, pattern))
        found.append({"pattern": shown, "hosts": hosts, "questions": questions})
    return found


if __name__ == "__main__":
    ansible_playbook.end_with_parent()
    read_job()
    gc.disable()  # `main` does it too; here for what it imports first
    hand_over()
    code = check() if job["is_check"] else ansible_playbook.main()
    atexit._run_exitfuncs()  # noqa: SLF001 - as the interpreter's end does
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(code)
