"""The user's own settings of Ansible: runs do not read them; inventories and playbooks of the user's own do."""

import configparser
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from mngr_ansible.doctor.checks import HERE, finding
from mngr_ansible.portable.text import clause, printable
from mngr_ansible.report.findings import Finding
from mngr_ansible.system.homes import expanded

_LONGEST = 1 << 20
_LISTED = 6

_HOST_KEYS = ("defaults", "host_key_checking", "ANSIBLE_HOST_KEY_CHECKING")
_BECOME = {
    "become_method": ("privilege_escalation", "become_method", "ANSIBLE_BECOME_METHOD"),
    "become_user": ("privilege_escalation", "become_user", "ANSIBLE_BECOME_USER"),
    "become_exe": ("privilege_escalation", "become_exe", "ANSIBLE_BECOME_EXE"),
    "become_flags": ("privilege_escalation", "become_flags", "ANSIBLE_BECOME_FLAGS"),
}
_AS_USUAL = {"become_method": "sudo", "become_user": "root", "become_exe": "sudo", "become_flags": "-H -S -n"}
"""Values that mean what a run does anyway."""


def about_ansible_settings() -> Iterator[Finding]:
    """What of ``ansible.cfg`` and the environment counts, and what does not."""
    path = _configuration()
    names = sorted(name for name in os.environ if name.startswith("ANSIBLE_"))
    settings: Mapping[tuple[str, str], str] = {}
    if path is not None:
        try:
            settings = _read(path)
        except (OSError, ValueError, configparser.Error) as error:
            why = clause(printable(str(error).replace("\n", " ")[:200]))
            text = f"{printable(str(path))} cannot be read, so no inventory can be read either: {why}"
            yield finding(HERE, "ansible settings", "warning", text, "Correct that file, or remove it")
            return

    def value(section: str, key: str, variable: str) -> str | None:
        return os.environ.get(variable) or settings.get((section, key))

    checking = value(*_HOST_KEYS)
    if checking is not None and checking.strip().lower() in ("false", "no", "0", "off", "n", "f"):
        text = "host_key_checking is off in your Ansible settings, which does not count here: host keys are checked"
        remedy = "Put the keys into known_hosts; for hosts that are new each day, set in the inventory: "
        remedy += "ansible_ssh_common_args: -o StrictHostKeyChecking=accept-new"
        yield finding(HERE, "ansible settings", "warning", text, remedy)
        return
    other = [
        f"{name} = {printable(given)[:60]}"
        for name, place in _BECOME.items()
        if (given := value(*place)) and given.strip() != _AS_USUAL[name]
    ]
    if other:
        text = f"your Ansible settings say how to become root in another way than mngr-ansible does: {', '.join(other)}"
        remedy = "Hosts of an inventory that become root are refused with it. Remove it, or set it in the inventory"
        yield finding(HERE, "ansible settings", "warning", f"{text}", remedy)
        return
    found = [*([printable(str(path))] if path is not None else []), *names[:_LISTED]]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    said = f"{', '.join(found)}{more}: read for inventories and your own playbooks, never for our runs"
    yield finding(HERE, "ansible settings", "ok", said if found else "no ansible.cfg and no ANSIBLE_… variable")


def _configuration() -> Path | None:
    """The ``ansible.cfg`` that Ansible would read. Source: Ansible's "Configuration settings"."""
    places = []
    if given := os.environ.get("ANSIBLE_CONFIG"):
        places.append(expanded(given))
    places += [Path("ansible.cfg"), expanded("~/.ansible.cfg"), Path("/etc/ansible/ansible.cfg")]
    for each in places:
        file = each / "ansible.cfg" if each.is_dir() else each
        if file.is_file():
            return file.absolute()
    return None


def _read(path: Path) -> Mapping[tuple[str, str], str]:
    with path.open("rb") as file:
        text = file.read(_LONGEST).decode("utf-8")
    parser = configparser.ConfigParser(strict=False, interpolation=None, inline_comment_prefixes=(";",))
    parser.read_string(text, source=path.name)
    return {(section, key): value for section in parser.sections() for key, value in parser.items(section)}
