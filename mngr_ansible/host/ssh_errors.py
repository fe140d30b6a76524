"""ssh's output when it could not connect → a problem and a remedy.

:data:`_CAUSES` is the table: what ssh prints, and what we report. Its own words are shown where the table has nothing.
"""

import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from mngr_ansible.errors import HostError
from mngr_ansible.host.ssh_settings import SshSettings
from mngr_ansible.portable import sh
from mngr_ansible.portable.regular_expressions import regex
from mngr_ansible.portable.text import clause, printable
from mngr_ansible.system.homes import ssh_expanded
from mngr_ansible.values import field, frozen

_NOISE = regex(
    r"@|debug\d: |OpenSSH_|Authenticated to |Transferred: |Bytes per second: |Pseudo-terminal will not be allocated"
    r"|Warning: Permanently added |Connection closed by UNKNOWN port|Connection to UNKNOWN port|stdio forwarding failed"
)
"""Lines that are no cause: the frame of a warning, what ``-v`` adds, what follows from a failed proxy."""

_GREETING = regex(r"^debug1: \S*exchange_identification: banner line \d+: ")
"""Before a line that the other end sent in the place of an ssh server's greeting, as ``-v`` shows it."""

_FROM_PROXY = regex(r"UNKNOWN port|ssh_exchange_identification: Connection closed by remote host")
"""What ssh prints when it got nothing from the program that it reaches the host through: it knows no address."""

_LONGEST_GROUP = 200
"""Characters of ssh's words inside a sentence."""

_MOST_KEYS = 5
"""How many keys are looked at for a passphrase."""


@frozen
class FailedConnection:
    """One attempt of ssh to connect that ended with its exit code for failures, 255."""

    output: str
    """Its stderr."""
    host: str
    """The host as the user typed it."""
    destination: str
    """The words that lead a person's ssh there, quoted: ``-p 2222 dev@build-1``."""
    settings: SshSettings = field(default_factory=SshSettings)
    """What ssh's configuration says about the host."""
    key: str | None = None
    """The private key that ``--key`` names."""
    has_begun: bool = False
    """Whether our script had begun: then nothing but a lost connection ends ssh so."""
    is_ended_by_shell: bool = False
    """Whether ssh ended without a word, and did so again for another command."""
    name: str = ""
    """The name or address that ssh was given; empty: the one in :attr:`host`."""

    @property
    def given_name(self) -> str:
        """The name or address that ssh was given: what the user typed, or what an inventory says."""
        return self.name or _bare(self.host)

    @property
    def is_named_by_inventory(self) -> bool:
        """Whether the name that ssh looks for is that of ``ansible_host``."""
        return not self.is_renamed and self.given_name != _bare(self.host)

    @property
    def is_renamed(self) -> bool:
        """Whether ssh's configuration has another name for the given one. ``ssh -G`` prints it in lower case."""
        return self.settings.values.get("hostname", "").lower() not in ("", self.given_name.lower())

    @property
    def own(self) -> tuple[str, ...]:
        """What another host with the same problem has otherwise."""
        values = self.settings.values
        found = (values.get("user"), values.get("hostname"), values.get("port"), self.given_name, _bare(self.host))
        return tuple(each for each in found if each)

    @property
    def lines(self) -> list[str]:
        """The output without empty lines and without :data:`_NOISE`."""
        stripped = (_GREETING.sub("", line.strip()) for line in self.output.splitlines())
        return [line for line in stripped if line and not _NOISE.match(line)]

    @property
    def keys(self) -> list[str]:
        """The private keys that ssh may have used and that exist."""
        found = [self.key] if self.key is not None else list(self.settings.identity_files)
        return [each for each in found if Path(each).is_file()][:_MOST_KEYS]

    @property
    def locked_key(self) -> str | None:
        """The first key that has a passphrase: ssh-keygen cannot read it with an empty one."""
        return next(filter(_has_passphrase, self.keys), None)

    @property
    def is_known_by_address(self) -> bool:
        """Whether ``ssh-keyscan`` gets the host's key, under the name by which ssh looks for it."""
        is_alias = self.settings.values.get("hostkeyalias", "none") != "none"
        return bool(self.settings.values.get("hostname")) and not is_alias and not self.settings.proxy

    def words(self) -> dict[str, str]:
        """What the texts of :class:`_Cause` may name in braces; words of commands are quoted."""
        settings, lines = self.settings, self.lines
        name, port = settings.values.get("hostname", ""), settings.values.get("port", "22")
        option, _, value = settings.proxy.partition(" ")
        key = "" if self.key is None else f"-i {sh.quote(self.key)} "
        return {
            "first_line": clause(printable(lines[0])) if lines else "",
            "last_line": clause(printable(lines[-1])) if lines else "",
            "by_hand": f"{key}{self.destination}",
            "key": printable(self.key or ""),
            "quoted_key": sh.quote(self.key or ""),
            "known_host": sh.quote(_changed_name(self.output) or settings.known_host),
            "in_file": _in_file(self.output),
            "known_hosts": printable(settings.known_hosts) or "known_hosts",
            "scan": f"ssh-keyscan {'' if port == '22' else f'-p {port} '}{sh.quote(name)}",
            "seconds": str(settings.connect_seconds),
            "name": printable(name),
            "given_name": printable(self.given_name),
            "proxy": f"jump host {printable(value)}" if option == "ProxyJump" else option,
        }


def _has_passphrase(key: str) -> bool:
    argv = ["ssh-keygen", "-y", "-P", "", "-f", key]
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    except OSError:
        return False
    return "passphrase" in done.stderr


def _changed_name(output: str) -> str | None:
    """The name under which ssh found another key."""
    found = re.search(r"^Host key for (\S+) has changed", output, re.MULTILINE)
    return found[1] if found else None


def _in_file(output: str) -> str:
    """The option of ssh-keygen for the file in which ssh found another key; empty for the user's usual one."""
    found = re.search(r"^Offending \S+ key in (.+):\d+\s*$", output, re.MULTILINE)
    if found is None or Path(found[1]) == ssh_expanded("~/.ssh/known_hosts"):
        return ""
    return f" -f {sh.quote(found[1])}"


@frozen
class _Cause:
    """One cause of failure: what ssh prints for it, and what we report."""

    pattern: str
    """A regular expression that is searched in ssh's output; ``^`` and ``$`` are those of a line."""
    problem: str
    remedy: str
    """Both may name :meth:`FailedConnection.words` and the named groups of the pattern in braces. A group whose name
    begins with ``quoted_`` is a word of a command."""
    only_if: Callable[[FailedConnection], bool] = lambda _failed: True
    """What else must be true."""


_LOST = ("the connection was lost during the check", "Nothing was changed. Run again.")
_NO_LOGIN = "Give the right user and key: --host USER@ADDR --key FILE, or load the key into your ssh agent."
_UNKNOWN_KEY = r"Host key verification failed|host key is known"

_CAUSES = (
    _Cause(r"", *_LOST, only_if=lambda failed: failed.has_begun),
    _Cause(
        r"REVOKED HOST KEY DETECTED",
        "its host key is marked as revoked in known_hosts",
        "Nothing was sent. Ask who runs the host for its new key.",
    ),
    _Cause(
        r"IDENTIFICATION HAS CHANGED",
        "its host key is not the one in known_hosts",
        "If the host was rebuilt, remove the old key: ssh-keygen -R {known_host}{in_file}. Nothing was sent.",
    ),
    _Cause(
        _UNKNOWN_KEY,
        "its host key is not known, and ssh's configuration keeps none for it (UserKnownHostsFile {known_hosts})",
        "Log in once by hand with this command, compare the key, and run again with --known-hosts ~/.ssh/known_hosts: "
        "ssh -o UserKnownHostsFile=~/.ssh/known_hosts -o StrictHostKeyChecking=ask {by_hand}",
        only_if=lambda failed: failed.settings.known_hosts in ("/dev/null", "none"),
    ),
    _Cause(
        _UNKNOWN_KEY,
        "its host key is not known",
        "Log in once by hand and compare the key, or add the output of this command to {known_hosts}: {scan}",
        only_if=lambda failed: failed.is_known_by_address,
    ),
    _Cause(
        _UNKNOWN_KEY,
        "its host key is not known",
        "Log in once by hand and compare the key: ssh -o StrictHostKeyChecking=ask {by_hand}",
    ),
    _Cause(
        r"^Permissions \d+ for '(?P<file>(?P<quoted_file>.+))' are too open",
        "other users can read the key {file}, so ssh does not use it",
        "Make it readable for you only: chmod 600 {quoted_file}",
    ),
    _Cause(
        r"UNPROTECTED PRIVATE KEY FILE",
        "other users can read the key {key}, so ssh does not use it",
        "Make it readable for you only: chmod 600 {quoted_key}",
        only_if=lambda failed: failed.key is not None,
    ),
    _Cause(
        r"UNPROTECTED PRIVATE KEY FILE",
        "other users can read the key, so ssh does not use it",
        "Make it readable for you only: chmod 600 FILE",
    ),
    _Cause(
        r"Too many authentication failures",
        "it does not let us try more keys (Too many authentication failures)",
        "Name the right key with --key FILE, or with IdentityFile and IdentitiesOnly yes in your ssh configuration.",
    ),
    _Cause(
        r"Permission denied \((?!.*publickey)(?P<methods>[^)]*)\)",
        "it accepts no key for this user, only {methods}, and mngr-ansible does not ask for one",
        "Allow keys in its sshd (PubkeyAuthentication yes), or log in as another user: --host USER@ADDR.",
    ),
    _Cause(
        r"Permission denied",
        "the key {key} has a passphrase, and mngr-ansible does not ask for one",
        "Load it into your ssh agent (ssh-add {quoted_key}), and leave out --key.",
        only_if=lambda failed: failed.key is not None and failed.locked_key is not None,
    ),
    _Cause(
        r"signing failed for \S+ (?P<which>.+) from agent: (?P<why>.+?)\.?$",
        "your ssh agent does not sign with its key {which}: {why}",
        "Unlock the agent or confirm its use there, or give another key with --key FILE.",
        only_if=lambda failed: "Permission denied" in failed.output,
    ),
    _Cause(
        r"^Load key (?P<file>\"?.+?\"?): (?P<why>Permission denied)\.?$",
        "this user of this machine cannot read the key {file}: {why}",
        "Correct the owner and the permissions of that file, or give another key with --key FILE.",
    ),
    _Cause(
        r"^Load key (?P<file>\"?.+?\"?): (?P<why>.+?)\.?$",
        "the key {file} cannot be read: {why}",
        "Give a private key in a format that your ssh knows, or another key. See what it says: ssh-keygen -y -f FILE",
        only_if=lambda failed: "Permission denied" in failed.output,
    ),
    _Cause(
        r"^no such identity: (?P<file>.+): No such file or directory",
        "it does not accept this user and key, and the key {file} of your ssh configuration does not exist",
        "Correct IdentityFile in your ssh configuration, or name the key: --key FILE.",
        only_if=lambda failed: "Permission denied" in failed.output,
    ),
    _Cause(
        r"Permission denied",
        "it does not accept this user and key ({last_line}), and {locked_key} has a passphrase",
        "Load it into your ssh agent (ssh-add {quoted_locked_key}), or give another key with --key FILE.",
        only_if=lambda failed: failed.locked_key is not None,
    ),
    _Cause(r"Permission denied", "it does not accept this user and key ({last_line})", _NO_LOGIN),
    _Cause(
        r"no matching (?P<what>.+?) found\. Their offer: (?P<offer>\S+)",
        "this machine's ssh and the host's have no {what} in common; the host offers {offer}",
        "Update the host's ssh server, or allow one of these for this host in your ssh configuration ({option}).",
    ),
    _Cause(
        r"Could not resolve hostname .*(Temporary failure|try again)",
        "its name cannot be resolved now: the name servers of this machine do not answer",
        "Check the network of this machine and /etc/resolv.conf, then run again.",
    ),
    _Cause(
        r"Could not resolve hostname",
        "its name cannot be resolved, which the inventory says is {given_name}",
        "Correct ansible_host in the inventory.",
        only_if=lambda failed: failed.is_named_by_inventory,
    ),
    _Cause(
        r"Could not resolve hostname",
        "its name cannot be resolved, which your ssh configuration says is {name}",
        "Correct HostName in your ssh configuration.",
        only_if=lambda failed: failed.is_renamed,
    ),
    _Cause(
        r"Could not resolve hostname",
        "its name cannot be resolved",
        "Correct the name, or add it to ~/.ssh/config.",
    ),
    _Cause(
        r"Connection refused",
        "no ssh server listens on this port",
        "Start its ssh server, or give the right port: --host ADDR:PORT.",
    ),
    _Cause(
        r"invalid characters|: invalid format|could not read protocol version|Protocol major versions differ"
        r"|Bad remote protocol version|Bad packet length|banner line too long",
        "what answers on this port is no ssh server that we know ({first_line})",
        "Give the right port: --host ADDR:PORT, or Port in your ssh configuration.",
    ),
    _Cause(
        r"timed out|No route|unreachable",
        "it does not answer",
        "Check that it is up and that this machine can reach it.",
    ),
    _Cause(
        r"exchange_identification|^Connection (closed|reset) by \S+ port \d+",
        "it closed the connection before the login ({first_line})",
        "Check that the port is the one of its ssh server, and whether that server or a firewall refuses this machine "
        "(MaxStartups, fail2ban, a system that still boots). Then run again; where many hosts have one address, with "
        "fewer at once: --forks.",
    ),
    _Cause(r"closed by remote host|Connection reset|Broken pipe|not responding", *_LOST),
    _Cause(
        r"",
        "its login shell ends with the exit status 255 before it runs a command",
        "Check the start-up files of that shell on the host (exit 255): ssh -v {by_hand}",
        only_if=lambda failed: failed.is_ended_by_shell,
    ),
    _Cause(r"", *_LOST, only_if=lambda failed: not failed.lines),
    _Cause(r"", "ssh cannot connect: {last_line}", "Try it by hand: ssh {by_hand}"),
)
"""In this order; the first that fits is reported. The later ones are less precise: "Permission denied" also follows a
warning about an unprotected key."""

_TRY = "Try it by hand: ssh -v {by_hand}"

_PROXY_CAUSES = (
    _Cause(
        r"timed out during banner exchange",
        "it does not answer within {seconds} s through its {proxy}",
        "Start what it leads through, or give it more time: ConnectTimeout in your ssh configuration.",
    ),
    _Cause(
        r"open failed: administratively prohibited",
        "its {proxy} does not let us go on from there (AllowTcpForwarding)",
        "Allow forwarding in that host's sshd, or use another way.",
    ),
    _Cause(
        r"open failed: connect failed: (?P<why>.+?)\.?$",
        "its {proxy} cannot reach it: {why}",
        "Check that the host is up, and its name and port as they are seen from there. " + _TRY,
    ),
    _Cause(
        _UNKNOWN_KEY + "|IDENTIFICATION HAS CHANGED",
        "the host key of its {proxy} is not the one in known_hosts, or is not known",
        "Log in to that host once by hand and compare the key. " + _TRY,
    ),
    _Cause(
        r"Permission denied", "its {proxy} does not let us in: {last_word}", "Give it the right user and key. " + _TRY
    ),
    _Cause(
        r"Could not resolve hostname (?P<which>\S+?):?(\s|$)",
        "its {proxy} failed: the name {which} cannot be resolved",
        "Correct the name in your ssh configuration. " + _TRY,
    ),
    _Cause(
        r"^(?P<why>.*(not found|No such file or directory|Permission denied|cannot execute).*)$",
        "its {proxy} could not be started: {why}",
        "Install that program, or correct ProxyCommand in your ssh configuration. " + _TRY,
        only_if=lambda failed: failed.settings.proxy.startswith("ProxyCommand"),
    ),
    _Cause(
        r"", "its {proxy} ended without a connection, and without a word", _TRY, only_if=lambda f: not _own(f.lines)
    ),
    _Cause(r"", "its {proxy} failed: {last_word}", _TRY),
)
"""The same for a host that is reached through another program, as long as nothing came from the host itself."""

_OPTIONS = {
    "host key type": "HostKeyAlgorithms",
    "key exchange method": "KexAlgorithms",
    "cipher": "Ciphers",
    "MAC": "MACs",
}
"""The option by which ssh accepts what a server offers. Source: ssh_config(5)."""


def _bare(host: str) -> str:
    """The name of a host in what the user typed."""
    return re.sub(r"^.*@|:\d+$", "", host).strip("[]")


def _own(lines: Iterable[str]) -> list[str]:
    """The lines that the program on the way printed: without those of the ssh that waited for it."""
    return [line for line in lines if not re.match(r"\S*exchange_identification: |banner exchange: ", line)]


def is_of_proxy(output: str) -> bool:
    """Whether ssh failed before anything came from the host, through a program that it was to be reached by."""
    return _FROM_PROXY.search(output) is not None


def connection_error(failed: FailedConnection) -> HostError:
    """The error to report for an attempt that failed."""
    is_proxy = bool(failed.settings.proxy) and is_of_proxy(failed.output)
    causes: tuple[_Cause, ...] = _PROXY_CAUSES if is_proxy else _CAUSES
    output = "\n".join(failed.lines) if is_proxy else failed.output  # without what our own -v adds
    cause, groups = next(
        (each, found.groupdict())
        for each in causes
        if (found := re.search(each.pattern, output, re.MULTILINE)) and each.only_if(failed)
    )
    words = {**failed.words(), **_of_groups(groups)}
    if "locked_key" in cause.problem:
        words |= {
            "locked_key": printable(failed.locked_key or ""),
            "quoted_locked_key": sh.quote(failed.locked_key or ""),
        }
    own = _own(failed.lines)
    greeting = [_GREETING.sub("", line) for line in failed.output.splitlines() if _GREETING.match(line)]
    words["last_word"] = clause(printable([*greeting[:1], *reversed(own), ""][0]))
    words["option"] = _OPTIONS.get(words.get("what", ""), "Ciphers")
    error = HostError(cause.problem.format_map(words), remedy=cause.remedy.format_map(words), host=failed.host)
    error.own = failed.own
    return error


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_GROUP else f"{text[:_LONGEST_GROUP]}…"


def _of_groups(groups: Mapping[str, str]) -> dict[str, str]:
    return {
        name: sh.quote(text) if name.startswith("quoted_") else _shortened(printable(text.strip()))
        for name, text in groups.items()
        if text is not None
    }
