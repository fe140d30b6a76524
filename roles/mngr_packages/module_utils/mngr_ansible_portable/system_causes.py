"""Why the package managers of systems fail: for each one what it prints, what that means, and what to do.

Shared with the roles (Python 3.9, standard library only). The rows of apt, dnf 4, zypper and pacman are provoked with
the real programs (``tests/hosts/test_causes.py``, ``tests/roles``), those of dnf 5, apk and brew from recorded output.
"""

from __future__ import annotations

from .cause import AGAIN, COMMON_FIRST, COMMON_LAST, Cause

_CONFIGURE = "Finish it on the host, then run again: {sudo}dpkg --configure -a"
_SEE = "See on the host: {try_it}"
_CLOCK = (
    Cause(
        "clock",
        (r"is not valid yet \(invalid for another (?P<behind>[^)]+)\)",),
        "The host's clock is {behind} behind: its package sources are not valid yet",
        "Set the clock and run again",
    ),
    Cause(
        "clock",
        (r"is expired \(invalid since (?P<since>[^)]+)\)",),
        "The host's package sources expired {since} ago, or its clock is ahead",
        "Fix them and run again",
    ),
)
_LOCKED = Cause(
    "locked",
    (
        r"is held by process (?P<pid>\d+)(?: \((?P<holder>[^)]*)\))?",
        r"locked by (?:the application|another process) with pid (?P<pid>\d+)(?: \((?P<holder>[^)]*)\))?",
        r"[Ww]aiting for process with pid (?P<pid>\d+)",
        r"already locked by (?P<pid>\d+)\s+The application with PID \d+ is: (?P<holder>\S+)",
        r"already locked by (?P<pid>\d+)",
        r"other process has PID (?P<pid>\d+)",
    ),
    "The package manager is locked by {holder} (pid {pid})",
    AGAIN,
)
_LOCKED_BY_SOMEBODY = Cause(
    "locked",
    (
        r"Could not get lock|Unable to acquire the dpkg frontend lock|Unable to lock (?:directory|database)",
        r"System management is locked|can't create transaction lock|has already locked|already running",
    ),
    "The package manager is locked by another program",
    AGAIN,
)
_SCRIPT = Cause(
    "script",
    (r"scriptlet failed|Error in \w+ scriptlet|command failed to execute correctly|script exited with error",),
    "A package's own script failed",
    "Run it by hand on the host to see all of its output, fix that, and run again",
)
_UNKNOWN = Cause(
    "unknown",
    (
        r"Unable to locate package (?P<broken>\S+)",
        r"No match for argument: (?P<broken>\S+)",
        r"'(?P<broken>[^\s']+)' not found in package names",
        r"target not found: (?P<broken>\S+)",
        r"No provider of '\+?(?P<broken>[^']+)'",
        r"(?m)^[ \t]*(?P<broken>\S+) \(no such package\)",
        r'No available formula (?:or cask )?with the name "(?P<broken>[^"]+)"',
    ),
    "{tool} does not know the package {broken}",
    "Check its name and the host's package sources",
)
_UNMET = Cause(
    "unmet",
    (
        r"[Uu]nmet dependencies|[Uu]nsatisfied dependencies|held broken packages|nothing provides",
        r"(?:unable to|could not) satisfy dependenc|unable to select packages",
    ),
    "{tool} cannot satisfy what the packages depend on; something may be on hold",
    _SEE,
)
_CONFLICT = Cause(
    "conflict",
    (
        r"conflicts with|are in conflict|unresolvable package conflicts|conflicting requests|deinstallation of",
        r"File conflicts|conflicting files|Transaction test error",
    ),
    "Other packages on the host conflict with it, and nothing is ever removed",
    _SEE,
)


def _unmet(*patterns: str) -> Cause:
    """A dependency that nothing provides: the patterns find which, and whose."""
    return Cause(
        "unmet",
        patterns,
        "{tool} cannot satisfy what the packages depend on: {broken} needs {needed}",
        "Add the package source that has it to the host, or name another source",
    )


def _conflict(*patterns: str) -> Cause:
    """Two packages that exclude each other: the patterns find which."""
    return Cause(
        "conflict",
        patterns,
        "Other packages on the host conflict with it, and nothing is ever removed: {broken} conflicts with {other}",
        _SEE,
    )


def _same_file(*patterns: str) -> Cause:
    """Two packages, or a package and nobody's file, that want one path: the patterns find which."""
    return Cause(
        "conflict",
        patterns,
        "Other packages on the host conflict with it, and nothing is ever removed: {path} already belongs to {other}",
        _SEE,
    )


def _key(*patterns: str) -> Cause:
    """Lists or a package whose signature is missing, wrong, or made with a key that the host does not have."""
    return Cause(
        "key",
        patterns,
        "{tool} does not trust the signature of a package source{why}",
        "Correct that source or its key on the host; a signature is never skipped",
    )


def _checksum(*patterns: str) -> Cause:
    """A file that is not the one that the lists name."""
    return Cause(
        "checksum",
        patterns,
        "What {tool} downloaded is not what its lists name{why}",
        "A mirror or a proxy may be in the middle of an update; run again later, or correct the package source",
    )


_APT = (
    Cause(
        "interrupted", (r"dpkg was interrupted",), "An earlier installation on this host was interrupted", _CONFIGURE
    ),
    Cause(
        "held",
        (r"Held packages were changed",),
        "A package is on hold, or needs one that is",
        "Find it on the host with: apt-mark showhold. Then release it",
    ),
    Cause(
        "conflict",
        (r"remove is disabled",),
        "apt would have to remove other packages, which is never done",
        "See on the host: apt-get -s install {names}",
    ),
    Cause(
        "policy",
        (r"Packages were downgraded",),
        "apt would have to downgrade a package, which is never done: apt preferences (a pin) on the host demand it",
        "See on the host: apt-cache policy {names}",
    ),
    Cause(
        "policy",
        (
            r"apt-listbugs[^\n]*(?:\n[^\n]*)*(?:Exiting with error|aborted)",
            r"Failure running script [^\n]*(?P<program>apt-listbugs)",
        ),
        "apt-listbugs on the host stopped apt because of a bug that is known in a package",
        "Read it on the host with: apt-listbugs list {names}",
    ),
    Cause(
        "key",
        (r"changed its '(?P<field>\w+)' value from '(?P<before>[^'\n]*)' to '(?P<after>[^'\n]*)'",),
        "A package source changed its {field} from '{before}' to '{after}', and apt asks a person to accept that",
        "If it is meant so, accept it on the host with: {sudo}apt-get update --allow-releaseinfo-change",
    ),
    Cause(
        "key",
        (r"NO_PUBKEY (?P<key>[0-9A-F]{8,40})",),
        "{tool} does not have the key {key} that signed a package source{why}",
        "Install that source's key on the host, or remove the source; a signature is never skipped",
    ),
    Cause(
        "key",
        (r"EXPKEYSIG (?P<key>[0-9A-F]{8,40})", r"KEYEXPIRED"),
        "The key {key} that signed a package source has expired{why}",
        "Install that source's new key on the host, or remove the source; a signature is never skipped",
    ),
    _key(
        r"GPG error|is not signed|BADSIG|REVKEYSIG|couldn't be verified|Conflicting values set for option Signed-By",
        r"cannot be authenticated|unauthenticated packages",
    ),
    _checksum(r"Hash Sum mismatch|File has unexpected size|Hashes of (?:received|expected) file"),
    Cause(
        "refused",
        (
            r"Malformed (?:entry|line|stanza) (?P<line>\d+)[^\n]* in [a-z ]+ (?P<file>/\S+)",
            r"Type '[^'\n]*' is not known on (?:line|stanza) (?P<line>\d+) in source list (?P<file>\S+)",
        ),
        "apt cannot read its sources: line {line} of {file} is wrong",
        "Correct that file on the host",
    ),
    Cause(
        "network",
        (
            r"The repository '(?P<source>[^'\n]+)' (?:no longer has|does not have) a Release file",
            r"The repository '(?P<source>[^'\n]+)' is no longer signed",
        ),
        "The package source {source} has no Release file{why}",
        "Correct or remove that source on the host",
    ),
    Cause(
        "policy",
        (r"Package '?(?P<broken>[^ ']+)'? has no installation candidate",),
        "apt has no version of {broken} to install: its lists have none, or apt preferences (a pin) forbid it",
        "See on the host: apt-cache policy {broken}",
    ),
    _conflict(
        r"(?m)^ (?P<broken>\S+) : (?:Conflicts|Breaks): (?P<other>.+?) but ",
        r"(?<!\S)(?P<broken>\S+) (?:Conflicts|Breaks) (?P<other>\S+)",
    ),
    _same_file(
        r"trying to overwrite (?:shared )?'(?P<path>[^'\n]+)', which is [^\n]*?(?:package|instances of) (?P<other>\S+)"
    ),
    _unmet(
        r"(?m)^ (?P<broken>\S+) : (?:Pre-?)?Depends: (?P<needed>.+?, but it is not \w+)$",
        r"(?m)^ (?P<broken>\S+) : (?:Pre-?)?Depends: (?P<needed>.+ but .+)$",
        r"(?m)^ (?P<broken>\S+) : (?:Pre-?)?Depends: (?P<needed>.+)$",
    ),
    Cause(
        "script",
        (r"(?m)^(?!Setting up )(?P<said>\S.*)\ndpkg: error processing package (?P<broken>\S+) \(--conf.*\n.* script ",),
        "The package {broken} could not be set up: its own script failed, and said: {said}",
        _CONFIGURE,
    ),
    Cause(
        "script",
        (r"Errors were encountered while processing:\n(?P<broken>(?: \S+\n?)+)",),
        "The package {broken} could not be set up: its own script failed",
        _CONFIGURE,
    ),
)
_DNF = (
    Cause(
        "held",
        (
            r"filtered out by exclude filtering for argument: (?P<broken>\S+)",
            r"package (?P<broken>\S+) (?:from \S+ )?is filtered out by exclude filtering",
        ),
        "The package {broken} is held back on the host (dnf's excludes or versionlock)",
        "Release it there",
    ),
    Cause(
        "held",
        (r"filtered out by (?:exclude|modular) filtering",),
        "A package is on hold on the host (dnf's excludes, versionlock or modules)",
        "Release it there",
    ),
    Cause(
        "key",
        (r"Public key for (?P<broken>\S+) is not installed",),
        "dnf does not have the key that signed {broken}",
        "Install that source's key on the host (gpgkey=); a signature is never skipped",
    ),
    _key(
        r"GPG check FAILED|GPG signature (?:verification error|is not available)|(?i:bad (?:pgp |gpg )?signature)",
        r"GPG keys? (?:at|listed)|[Ff]ailed to (?:retrieve|import) (?:GPG )?(?:public )?key|OpenPGP check",
        r"is not signed",
    ),
    _checksum(r"checksum doesn't match|[Cc]hecksum mismatch|incorrect checksum"),
    Cause(
        "network",
        (r"(?i)cache-only enabled but no cache|no cache for",),
        "dnf has not fetched the lists of its package sources yet",
        "Fetch them on the host with: {sudo}dnf makecache",
    ),
    Cause(
        "refused",
        (r"no enabled repositories|There are no enabled repos",),
        "dnf has no package source that is enabled",
        "Enable one on the host, or register the system (subscription-manager)",
    ),
    _unmet(
        r"nothing provides (?P<needed>\S+(?: [<>=]+ \S+)?) needed by (?P<broken>\S+)",
        r"- package (?P<broken>\S+) (?:from \S+ )?requires (?P<needed>\S+(?: [<>=]+ \S+)?), but none of the providers",
    ),
    _conflict(r"package (?P<broken>\S+) (?:from \S+ )?(?:conflicts with|obsoletes) [^\n]+? provided by (?P<other>\S+)"),
    _same_file(r"file (?P<path>\S+) (?:from install of \S+ )?conflicts with file from package (?P<other>\S+)"),
)
_ZYPPER = (
    Cause(
        "held",
        (r"remove lock to allow",),
        "A package is on hold on the host (zypper's locks)",
        "Find it with: zypper locks. Release it there",
    ),
    _key(
        r"Signature verification failed|signed with (?:an )?unknown key|is signed with the following unknown key",
        r"is unsigned|BAD signature|signature key has expired|has an invalid signature",
    ),
    _checksum(r"Digest verification failed|[Cc]hecksum (?:mismatch|verification failed)|Invalid checksum|wrong digest"),
    Cause(
        "refused",
        (r"No repositories defined|no enabled repositories",),
        "zypper has no package source",
        "Add one on the host, or register the system (SUSEConnect)",
    ),
    _unmet(
        r"nothing provides '?(?P<needed>[^'\n]+?)'? needed by (?:the to be installed )?(?P<broken>[^\s']+)",
        r"(?:the to be installed )?(?P<broken>[^\s']+) requires '(?P<needed>[^'\n]+)', but this requirement cannot",
    ),
    _conflict(
        r"(?P<broken>[^\s']+) conflicts with '[^'\n]*' provided by (?:the (?:to be )?installed )?(?P<other>[^\s']+)",
        r"(?P<broken>[^\s']+) conflicts with (?:\S+ provided by )?(?:the installed )?(?P<other>[^\s']+)",
        r"(?P<broken>[^\s']+) obsoletes '[^'\n]*' provided by (?:the installed )?(?P<other>[^\s']+)",
    ),
    _same_file(
        r"File (?P<path>\S+)\s+from install of\s[^/]+?conflicts with file from (?:package|install of)\s+(?P<other>\S+)"
    ),
)
_PACMAN = (
    Cause(
        "locked",
        (r"unable to lock database",),
        "The package manager is locked by {holder}",
        AGAIN + ". If no pacman is running on the host, an earlier one was killed: remove /var/lib/pacman/db.lck",
    ),
    Cause(
        "key",
        (r"signature from \"(?P<signer>[^\"\n]+)\" is (?P<trust>unknown|marginal|invalid|expired)[a-z ]*",),
        "pacman does not trust the signature of {signer} ({trust})",
        "Correct the keyring on the host (pacman-key --populate, archlinux-keyring); a signature is never skipped",
    ),
    Cause(
        "network",
        (r"database file for '(?P<source>[^'\n]+)' does not exist",),
        "pacman has not fetched the list of packages of {source} yet",
        "Fetch it on the host, together with an upgrade of the whole system: {sudo}pacman -Syu",
    ),
    Cause(
        "refused",
        (r"no usable package repositories configured",),
        "pacman has no package source",
        "Add one to /etc/pacman.conf on the host",
    ),
    _key(
        r"PGP signature|could not be looked up remotely|keyring is not writable|missing required signature",
        r"required key missing|unknown public key",
    ),
    _checksum(r"\(checksum\)|invalid or corrupted (?:package|database)|is corrupt|Unrecognized archive format"),
    _unmet(r"unable to satisfy dependency '(?P<needed>[^'\n]+)' required by (?P<broken>\S+)"),
    _conflict(
        r":: (?P<broken>\S+) and (?P<other>\S+) are in conflict",
        r":: (?P<broken>\S+)-\S+ and (?P<other>\S+) are in conflict",
        r":: removing (?P<other>\S+) breaks dependency '[^'\n]*' required by (?P<broken>\S+)",
        r":: installing (?P<broken>\S+) \([^)\n]*\) breaks dependency '[^'\n]*' required by (?P<other>\S+)",
    ),
    _same_file(
        r"(?m)^\S+: (?P<path>/\S+) exists in filesystem \(owned by (?P<other>[^)\n]+)\)",
        r"(?m)^\S+: (?P<path>/\S+) exists in both '[^'\n]+' and '(?P<other>[^'\n]+)'",
    ),
    Cause(
        "conflict",
        (r"(?m)^\S+: (?P<path>/\S+) exists in filesystem",),
        "The file {path} is on the host already and belongs to no package, and nothing is ever overwritten",
        "Move it away on the host, if nobody needs it",
    ),
)
_APK = (
    _key(r"UNTRUSTED signature|BAD signature"),
    _checksum(r"BAD archive|package mentioned in index not found|IO ERROR|v2 package integrity error"),
    _unmet(r"(?m)^[ \t]*(?P<needed>\S+) \(no such package\):\s+required by: (?!world\[)(?P<broken>[^\s\[]+)"),
    _conflict(r"(?m)^\s*(?P<broken>\S+):\n(?:.*\n)*?\s+conflicts: (?P<other>\S+?)(?:\[|\s|$)"),
    _same_file(r"trying to overwrite (?P<path>\S+) owned by (?P<other>\S+?)\.?(?:\s|$)"),
    Cause(
        "held",
        (r"masked in: |breaks: world\[(?P<broken>[^\]\n]+)\]",),
        "The package is held back on the host: /etc/apk/world pins {broken}, or its source is not enabled for it",
        "Correct /etc/apk/world or /etc/apk/repositories on the host",
    ),
)
_BREW = (
    _checksum(r"SHA-?256 mismatch"),
    Cause(
        "permission",
        (r"not writable by your user|Permission denied @|[Pp]ermission denied",),
        "The remote user may not write where brew installs",
        "Give that directory to the user who installed brew (brew doctor says which), or use a source of another scope",
    ),
    Cause(
        "policy",
        (r"(?:is|has been|was) (?:disabled|deprecated) (?:because|upstream)",),
        "brew no longer offers it{why}",
        "Use another source",
    ),
)

SYSTEM_CAUSES = {
    "apt": (*COMMON_FIRST, *_CLOCK, *_APT, _LOCKED, _LOCKED_BY_SOMEBODY, _UNMET, _CONFLICT, _UNKNOWN, *COMMON_LAST),
    "dnf": (*COMMON_FIRST, *_DNF, _LOCKED, _LOCKED_BY_SOMEBODY, _UNMET, _CONFLICT, _SCRIPT, _UNKNOWN, *COMMON_LAST),
    "zypper": (
        *(*COMMON_FIRST, *_ZYPPER, _LOCKED, _LOCKED_BY_SOMEBODY),
        *(_UNMET, _CONFLICT, _SCRIPT, _UNKNOWN, *COMMON_LAST),
    ),
    "pacman": (*COMMON_FIRST, *_PACMAN, _UNMET, _CONFLICT, _SCRIPT, _UNKNOWN, *COMMON_LAST),
    "apk": (*COMMON_FIRST, *_APK, _LOCKED_BY_SOMEBODY, _UNKNOWN, _UNMET, _CONFLICT, _SCRIPT, *COMMON_LAST),
    "brew": (*COMMON_FIRST, *_BREW, _LOCKED_BY_SOMEBODY, _UNKNOWN, _UNMET, _CONFLICT, *COMMON_LAST),
}
"""By package manager: its causes. The first one that is found counts."""
