"""Where the role ``mngr_files`` finds the content of a file: search path, vault, templates, and the variable itself."""

import json
import os
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from tests.support.controller import Controller, Run, mode, put, role_module

PASSWORD = "password-of-this-vault"
CANARY = "canary-of-a-vault"

OUTER = """
    - name: Read an encrypted file of variables
      ansible.builtin.include_vars: included.yml

    - name: Include a role that includes mngr_files
      ansible.builtin.include_role: {name: inner}

    - name: Copy this role's own files
      ansible.builtin.include_role: {name: mngr_files}
      vars:
        mngr_files_transfers:
          - {local_path: both, remote_path: "{{ out }}/outer-both"}
          - {local_path: of-play, remote_path: "{{ out }}/outer-play"}
          - {local_path: README.md, remote_path: "{{ out }}/readme", is_required: false}
          - {local_path: motd.j2, template: true, remote_path: "{{ out }}/motd"}
          - {local_path: plain.j2, template: true, remote_path: "{{ out }}/plain.j2"}
          - {local_path: directory, template: true, remote_path: "{{ out }}/directory"}
          - {local_path: token, remote_path: "{{ out }}/token"}
          - {local_path: token, remote_path: "{{ out }}/token-for-all", mode: "0644"}
          - {local_path: token, remote_path: "{{ out }}/token-as-it-is", decrypt: false}
          - {local_path: tree, remote_path: "{{ out }}/tree"}
          - {content: "hello\\n", remote_path: "{{ out }}/content"}
          - {content: "", remote_path: "{{ out }}/empty"}
          - {content: {a: [1]}, remote_path: "{{ out }}/json"}
          - {content: "{{ number }}", remote_path: "{{ out }}/number"}
          - {content: "{{ inline }}", remote_path: "{{ out }}/inline"}
          - {content: "password={{ of_file }}\\n", remote_path: "{{ out }}/of-file"}
          - {content: "pin={{ pin_of_file }}", remote_path: "{{ out }}/pin"}
          - {content: "token={{ included }}", remote_path: "{{ out }}/included"}
          - {content: "pin={{ included_pins[0] }}", remote_path: "{{ out }}/included-pin"}
          - {content: {a: "{{ included_lines }}"}, remote_path: "{{ out }}/included-lines"}
          - {content: "{{ inline }}", is_secret: false, remote_path: "{{ out }}/not-secret"}
          - {content: stated, is_secret: true, remote_path: "{{ out }}/stated"}

    - name: Render with Ansible's own module
      ansible.builtin.template: {src: plain.j2, dest: "{{ out }}/plain.expected", mode: "0644"}
      when: not ansible_check_mode
"""

INNER = """
    - name: Copy the inner role's files
      ansible.builtin.import_role: {name: mngr_files}
      vars:
        mngr_files_transfers:
          - {local_path: both, remote_path: "{{ out }}/inner-both"}
          - {local_path: files/both, remote_path: "{{ out }}/inner-files-both"}
          - {local_path: of-outer, remote_path: "{{ out }}/inner-of-outer"}
"""

SITE = """
    - hosts: all
      gather_facts: false
      roles:
        - role: mngr_files
          mngr_files_transfers: [{local_path: both, remote_path: "{{ out }}/play-both"}]
        - role: dependent
        - role: outer
"""

PLAIN = """\
#jinja2: trim_blocks: False
{# gone #}{{ inventory_hostname }} {{ template_path }}
{{ template_destpath | dirname }} {{ template_fullpath | basename }} {{ template_uid }}
{{ template_mtime }} {{ template_host }}
{% if true %}
yes
{% endif %}
{{ {"a": 1} }}"""


def vaulted(text: str) -> bytes:
    return VaultLib([("default", VaultSecret(PASSWORD.encode()))]).encrypt(text.encode())


@dataclass(frozen=True)
class World:
    controller: Controller
    out: Path
    check: Run
    first: Run
    second: Run

    def read(self, name: str) -> str:
        return (self.out / name).read_text()


def project(directory: Path) -> Controller:
    """A playbook with roles in roles, whose files have the same names."""
    controller, roles = Controller(directory), directory / "roles"
    for role, tasks in (("outer", OUTER), ("inner", INNER)):
        put(roles / role / "tasks/main.yml", f"---\n{textwrap.dedent(tasks)}".encode())
        put(roles / role / "files/both", role.encode())
    dependency = {
        "role": "mngr_files",
        "mngr_files_transfers": [{"local_path": "both", "remote_path": "{{ out }}/dep"}],
    }
    put(roles / "dependent/meta/main.yml", yaml.safe_dump({"dependencies": [dependency]}).encode())
    put(roles / "dependent/files/both", b"dependent")
    put(directory / "site.yml", textwrap.dedent(SITE).encode())
    put(directory / "files/both", b"play")
    put(directory / "files/of-play", b"play")
    outer = roles / "outer"
    put(outer / "files/of-outer", b"outer")
    put(outer / "files/token", vaulted("token\n"))
    put(outer / "files/tree/vaulted", vaulted("in a tree"), 0o755)
    put(outer / "files/tree/plain", b"plain")
    put(outer / "templates/motd.j2", b"{{ inventory_hostname }}: {% include 'part.j2' %}")
    put(outer / "templates/part.j2", b"{{ inline }}")
    put(outer / "templates/plain.j2", PLAIN.encode())
    put(outer / "templates/directory/of-vault", vaulted("{{ 6 * 7 }} in a vault"))
    put(outer / "templates/directory/below/plain", b"{{ 6 * 7 }}")
    lines = "".join(f"    {line}\n" for line in vaulted(f"{CANARY}-inline").decode().split())
    put(directory / "group_vars/all/plain.yml", f"number: 8080\ninline: !vault |\n{lines}".encode())
    put(
        directory / "group_vars/all/vault.yml",
        vaulted(json.dumps({"of_file": f"{CANARY}-of-a-file", "pin_of_file": 98765432})),
    )
    lines_of_two = "|\n  first line\n  'second' \"line\"\n"
    included = f"included: {CANARY}-included\nincluded_pins: [87654321]\nincluded_lines: {lines_of_two}"
    put(outer / "vars/included.yml", vaulted(included))
    put(directory / "password", PASSWORD.encode())
    return controller


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    directory = tmp_path_factory.mktemp("sources")
    controller, out = project(directory), directory / "out"
    put(directory / "group_vars/all/out.yml", f"out: {out}\n".encode())

    def run(*options: str) -> Run:
        password = str(directory / "password")
        return controller.run([], *options, playbook="site.yml", ANSIBLE_VAULT_PASSWORD_FILE=password)

    check = run("--check", "--diff", "-vvv")
    assert not out.exists(), check.output
    return World(controller, out, check, run("--diff", "-vvv"), run())


def changed(run: Run) -> str:
    found = re.search(r"changed=\d+", run.output)
    assert found, run.output
    return found[0]


def test_check_mode_a_run_and_a_second_run_agree(world: World) -> None:
    assert [run.code for run in (world.check, world.first, world.second)] == [0, 0, 0], world.first.output
    # five times mngr_files; the first run renders with ansible.builtin.template too
    assert [changed(run) for run in (world.check, world.first, world.second)] == ["changed=4", "changed=5", "changed=0"]


def test_a_file_is_looked_for_in_the_role_that_includes_and_in_those_around_it_and_then_beside_the_playbook(
    world: World,
) -> None:
    expected = {"inner-both": "inner", "inner-files-both": "inner", "inner-of-outer": "outer", "outer-both": "outer"}
    expected |= {"outer-play": "play", "play-both": "play", "dep": "dependent"}
    assert {name: world.read(name) for name in expected} == expected


def test_this_roles_own_files_are_never_taken(world: World) -> None:
    assert not (world.out / "readme").exists()


def test_what_a_vault_encrypted_arrives_decrypted_and_is_a_secret(world: World) -> None:
    assert (world.read("token"), mode(world.out / "token")) == ("token\n", 0o600)
    assert (world.read("token-for-all"), mode(world.out / "token-for-all")) == ("token\n", 0o644)
    assert world.read("token-as-it-is").startswith("$ANSIBLE_VAULT;")
    tree = world.out / "tree"
    assert ((tree / "vaulted").read_text(), mode(tree / "vaulted")) == ("in a tree", 0o700)
    assert ((tree / "plain").read_text(), mode(tree / "plain")) == ("plain", 0o644)


def test_content_is_written_as_it_is_and_data_as_json(world: World) -> None:
    found = {name: world.read(name) for name in ("content", "empty", "json", "number")}
    assert found == {"content": "hello\n", "empty": "", "json": '{"a": [1]}', "number": "8080"}
    assert mode(world.out / "content") == 0o644


def test_content_and_templates_with_a_value_of_a_vault_are_secrets_unless_they_are_said_to_be_none(
    world: World,
) -> None:
    secret = ("inline", "of-file", "motd", "stated", "pin", "included", "included-pin", "included-lines")
    assert {name: mode(world.out / name) for name in secret} == dict.fromkeys(secret, 0o600)
    assert mode(world.out / "not-secret") == 0o644
    assert world.read("inline") == f"{CANARY}-inline"
    assert world.read("of-file") == f"password={CANARY}-of-a-file\n"
    assert world.read("motd") == f"host-1: {CANARY}-inline"


def test_booleans_and_short_values_of_a_vault_make_nothing_secret_that_only_holds_them() -> None:
    sources = role_module("mngr_files", "mngr_files_sources")
    assert [sources._as_text(each) for each in (True, None, 22, 1.5)] == ["", "", "22", "1.5"]
    assert [sources.holds_one_of(text, {"22"}) for text in (b"port 22", b"22\n")] == [False, True]
    assert sources.holds_one_of(b'{"a": "one\\ntwo"}', {"one\ntwo\n"})


def test_a_template_becomes_what_ansibles_own_module_makes_of_it(world: World) -> None:
    assert world.read("plain.j2") == world.read("plain.expected")
    assert "host-1 plain.j2\n" in world.read("plain.j2")


def test_every_file_of_a_directory_of_templates_is_rendered(world: World) -> None:
    directory = world.out / "directory"
    assert (directory / "below/plain").read_text() == "42"
    assert (directory / "of-vault").read_text() == "42 in a vault"
    assert (mode(directory / "of-vault"), mode(directory / "below/plain")) == (0o600, 0o644)


@pytest.mark.parametrize("name", ["check", "first"])
def test_no_secret_is_in_a_result_or_a_diff_even_with_full_verbosity(world: World, name: str) -> None:
    run = getattr(world, name)
    shown = run.output.replace(f"{CANARY}-inline\n", "", 1)  # of the transfer that says that it is none
    for text in (
        f"+password={CANARY}",
        f"+host-1: {CANARY}",
        "+token\n",
        f"{CANARY}-of-a-file",
        "+stated",
        "98765432",
        f"{CANARY}-included",
        "87654321",
        "second",
        "in a tree",
    ):
        assert text not in shown, text
    assert CANARY not in json.dumps({key: value for key, value in run.result.items() if key != "diff"})


def test_a_diff_names_a_source_as_its_user_knows_it(world: World) -> None:
    headers = re.findall(r"^\+\+\+ after: (.*)$", world.check.output, re.MULTILINE)
    roles = world.controller.directory / "roles"
    assert {str(roles / "inner/files/both"), str(roles / "outer/templates/plain.j2")} <= set(headers)
    assert f"{world.out}/content" in headers


def test_what_cannot_be_decrypted_or_rendered_is_named_with_a_remedy_and_nothing_is_copied(tmp_path: Path) -> None:
    controller, out = Controller(tmp_path), tmp_path / "out"
    put(tmp_path / "token", vaulted("token"))
    put(tmp_path / "undefined", b"{{ nobody_defined_this }}")
    put(tmp_path / "damaged", b"{% if %} canary {% endif %}")
    given = [
        {"local_path": "token", "remote_path": f"{out}/token"},
        {"content": vaulted("x").decode(), "remote_path": f"{out}/content"},
        {"local_path": "undefined", "template": True, "remote_path": f"{out}/undefined"},
        {"local_path": "damaged", "template": True, "remote_path": f"{out}/damaged"},
        {"local_path": "nowhere", "remote_path": f"{out}/nowhere"},
        {"content": "x", "local_path": "token", "remote_path": f"{out}/both"},
        {"content": "x", "mirror": True, "remote_path": f"{out}/mirror"},
        {"remote_path": f"{out}/neither"},
        {"content": "right", "remote_path": f"{out}/right"},
    ]

    without = controller.run(given)
    put(tmp_path / "wrong", b"another password")
    wrong = controller.run(given[:1], ANSIBLE_VAULT_PASSWORD_FILE=str(tmp_path / "wrong"))

    options = "--vault-id, --vault-password-file or --ask-vault-pass"
    needs = f"is encrypted with Ansible Vault, and this run has no vault password; give it with {options}"
    assert (without.code, wrong.code, out.exists()) == (2, 2, False)
    assert without.reason(f"file:{out}/token") == f"{tmp_path}/token: it {needs}"
    assert without.reason(f"file:{out}/content") == f"the content of {out}/content {needs}"
    undefined = f"{tmp_path}/undefined: it cannot be rendered: 'nobody_defined_this' is undefined"
    assert without.reason(f"file:{out}/undefined") == undefined
    assert without.reason(f"file:{out}/damaged").startswith(f"{tmp_path}/damaged: it cannot be rendered: ")
    assert f"(looked for as {tmp_path}/files/nowhere, {tmp_path}/nowhere)" in without.reason(f"file:{out}/nowhere")
    for text in (
        "content and local_path are both given; give one of them",
        "mirror needs a local_path; leave it out where content is given",
        "local_path or content is missing",
    ):
        assert text in without.result["msg"]
    assert "canary" not in without.output
    why = "is encrypted with Ansible Vault, and no vault password of this run fits; give the right one with"
    assert wrong.reason(f"file:{out}/token") == f"{tmp_path}/token: it {why} {options}"


def test_a_path_that_is_to_be_a_file_and_a_directory_is_refused(tmp_path: Path) -> None:
    read = role_module("mngr_files", "mngr_files_parameters").read
    put(tmp_path / "tree/a")
    as_file, below = {"content": "x", "remote_path": "/o/a"}, {"content": "x", "remote_path": "/o/a/b/c"}
    tree = {"local_path": "tree", "remote_path": "/o/a", "id": "tree"}

    for given, other in (([as_file, below], below), ([below, as_file], below), ([tree, as_file], tree)):
        step = other.get("id", "file:/o/a/b/c")
        why = f"/o/a: it is to be a file (of file:/o/a) and a directory (of {step}); leave one of them out"
        assert read(given, str(tmp_path)).problems == [(step, why)]
    assert read([as_file, tree], str(tmp_path)).problems == []  # the later one counts


def test_an_entry_of_a_program_may_have_its_content(tmp_path: Path) -> None:
    controller, out = Controller(tmp_path), tmp_path / "out"
    entry = {"kind": "file", "mode": "0600", "is_secret": True}
    entries = [
        {**entry, "path": f"{out}/text", "content": f"{CANARY}\n"},
        {**entry, "path": f"{out}/bytes", "content_b64": "/wA="},
    ]

    run = controller.run([{"id": "planned", "entries": entries}], "--diff", "-vvv")

    assert run.statuses == {"planned": "changed"}, run.output
    assert (out / "text").read_text() == f"{CANARY}\n"
    assert (out / "bytes").read_bytes() == b"\xff\0"
    assert CANARY not in run.output + json.dumps(run.result)
    assert not [each for each in controller.directory.rglob("*") if each.name.startswith("mngr-ansible-")]
    wrong = controller.run([{"id": "planned", "entries": [{**entries[0], "source": os.devnull}]}])
    assert "give one of source, content and content_b64" in wrong.result["msg"]
