"""Why the package managers of languages fail, and why Python fails: what each prints, what that means, what to do.

Shared with the roles (Python 3.9, standard library only). The rows are provoked with the real programs
(``tests/hosts/test_causes.py``); those of registries with a login, proxies and builds from recorded output.
"""

from __future__ import annotations

from .cause import COMMON_FIRST, COMMON_LAST, Cause

_PERMISSION = Cause(
    "permission",
    (r"EACCES|EPERM", r"[Pp]ermission denied", r"ENOENT: no such file or directory, mkdir"),
    "The remote user may not write where {tool} installs",
    "Use a source of another scope, or give permission",
)
_EXTERNALLY_MANAGED = Cause(
    "policy",
    (r"externally-managed-environment",),
    "The host's Python belongs to its distribution, and pip must not change it",
    "Use pipx, uv or a system package",
)
_EXISTS = Cause(
    "conflict",
    (
        r"Executables? already exists?: (?P<path>[^\s(]+)",
        r"EEXIST[^\n]*'(?P<path>[^'\n]+)'",
        r"(?m)^npm (?:error|ERR!) File exists: (?P<path>\S+)",
        r"File exists at (?P<path>\S+) and points to",
    ),
    "A program named {path} is there already and was not installed by {tool}, and it is never overwritten",
    "Remove it on the host with the tool that installed it, if nobody needs it",
)
_BUILD = Cause(
    "script",
    (
        r"(?:Failed to build|Failed building wheel for|Could not build wheels for) `?(?P<broken>[A-Za-z0-9._-]+)",
        r"metadata-generation-failed|subprocess-exited-with-error|The build backend returned an error",
    ),
    "The package {broken} could not be built on the host{why}",
    "It may need a compiler or headers there, or use a version that has a wheel for this host",
)
_PYTHON_TOO_OLD = Cause(
    "unmet",
    (
        r"requires a different Python: (?P<has>[0-9.]+) not in '?(?P<needed>[^'\n]+?)'?(?:\s|$)",
        r"the current Python version \((?P<has>[0-9.]+)\) does not satisfy Python(?P<needed>[<>=!~0-9.,]+)",
        r"[Rr]equires-Python (?P<needed>[<>=!~0-9.,]+)",
    ),
    "The package needs Python {needed}, the host has {has}",
    "Use another source or an older version of the package, or install a newer Python on the host",
)

_NPM = (
    Cause(
        "policy",
        (r"No matching version found for (?P<broken>[^\n\"]+?) with a date before (?P<date>[^\n.\"]+)",),
        "npm on the host takes no version of {broken} after {date} (min-release-age or before in its npmrc)",
        "Ask for an older version, or change that setting on the host",
    ),
    Cause(
        "unknown",
        (
            r"No matching version found for (?P<broken>[^\n\"]+?)\.?(?:[\n\"]|$)",
            r"No match found for version (?P<broken>[^\n\"]+)",
        ),
        "npm's registry has no version {broken}",
        "Relax the range, or check the registry in the host's npmrc",
    ),
    Cause(
        "unknown",
        (
            r"E404(?:.|\n)*?'(?P<broken>@?[^@'\n]+)[^'\n]*' is not in (?:this|the npm) registry",
            r"E404(?:.|\n)*?404 Not Found - GET (?P<broken>[^\s\"]+)",
        ),
        "{tool} does not know the package {broken}",
        "Check its name and the registry in the host's npmrc",
    ),
    Cause(
        "refused",
        (r"\bE401\b|\bENEEDAUTH\b", r"\bE403\b"),
        "npm's registry asks for a login or refuses access{why}",
        "Check the registry and its token in the host's npmrc",
    ),
    Cause(
        "checksum",
        (r"EINTEGRITY",),
        "What npm downloaded is not what its registry names{why}",
        "Clean the cache on the host with: npm cache clean --force. A mirror or a proxy may have changed it",
    ),
    Cause(
        "network",
        (r"ENOTCACHED|only-if-cached",),
        "npm may not use the network on the host (offline in its npmrc)",
        "Change that setting, or use another source",
    ),
    Cause(
        "unmet",
        (r"ERESOLVE(?:.|\n)*?npm (?:error|ERR!) peer (?P<needed>.+?) from (?P<broken>[^\n]+)",),
        "{tool} cannot satisfy what the packages depend on: {broken} needs {needed}",
        "See on the host: {try_it}",
    ),
    Cause(
        "unmet",
        (r"ERESOLVE",),
        "{tool} cannot satisfy what the packages depend on{why}",
        "See on the host: {try_it}",
    ),
    Cause(
        "unmet",
        (
            r"EBADENGINE(?:.|\n)*?(?:Required|required): (?P<needed>\{[^}\n]*\})",
            r"EBADENGINE|EBADPLATFORM|Unsupported (?:engine|platform) for (?P<broken>[^\s:]+)",
        ),
        "The package does not run on this host's node or system{why}",
        "Install a newer node there, or ask for an older version of the package",
    ),
    _EXISTS,
    Cause(
        "conflict",
        (r"ENOTEMPTY[^\n]*'(?P<path>[^'\n]+)'", r"(?m)npm (?:error|ERR!) path (?P<path>\S+)\n(?:.*\n)*?.*ENOTEMPTY"),
        "An earlier installation with npm was cut off and left {path}",
        "Remove that directory on the host and run again",
    ),
    Cause(
        "script",
        (
            r"(?m)npm (?:error|ERR!) path (?P<path>\S+)\n(?:npm (?:error|ERR!) command failed|.*ELIFECYCLE)",
            r"ELIFECYCLE",
        ),
        "The package's own install script failed{why}",
        "Run it by hand on the host to see all of its output, fix that, and run again",
    ),
    Cause(
        "broken",
        (
            r"Cannot find module '(?P<path>[^'\n]+)'(?:.|\n)*node:internal",
            r"npm does not support Node\.js (?P<path>\S+)",
        ),
        "npm itself does not start on the host ({path})",
        "Install npm and node there again, of versions that belong together",
    ),
    _PERMISSION,
)
_PIP = (
    _EXTERNALLY_MANAGED,
    Cause(
        "policy",
        (r"Could not find an activated virtualenv|PIP_REQUIRE_VIRTUALENV|require-virtualenv",),
        "pip on the host installs only into virtual environments (PIP_REQUIRE_VIRTUALENV)",
        "Use pipx, uv or a system package, or change that setting",
    ),
    Cause(
        "policy",
        (r"User site-packages are (?:not visible|disabled)|Can not (?:perform|combine) a? ?'--user'",),
        "pip on the host belongs to a virtual environment or has no directory of the user's own",
        "Use pipx, uv or a system package",
    ),
    Cause(
        "checksum",
        (r"DO NOT MATCH THE HASHES",),
        "What pip downloaded is not what its index names",
        "A mirror or a proxy may have changed it; look at index-url in the host's pip.conf",
    ),
    Cause(
        "unmet",
        (r"(?m)^(?:ERROR: )?(?:Because|Cannot install) (?P<why_not>.+?) because these package versions have conflict",),
        "{tool} cannot satisfy what the packages depend on: {why_not} exclude each other",
        "See on the host: {try_it}",
    ),
    Cause(
        "unmet",
        (r"ResolutionImpossible|No solution found",),
        "{tool} cannot satisfy what the packages depend on{why}",
        "See on the host: {try_it}",
    ),
)
_PIP_INSECURE = Cause(
    "refused",
    (r"repository located at (?P<server>\S+) is not a trusted or secure host",),
    "pip ignores the index at {server}, which is not https",
    "Use an https index in the host's pip.conf, or name it in trusted-host there",
)
_PIP_NETWORK = Cause(
    "network",
    (
        r"Retrying \(Retry|NewConnectionError|Max retries exceeded|Could not fetch URL|There was a problem confirming",
        r"ProxyError|ReadTimeoutError|SSLError|HTTP error \d+ while getting",
    ),
    "{tool} could not fetch what it needs{why}",
    "Check the host's network, its proxy and the index in its pip.conf, and run again",
)
_PIP_UNKNOWN = (
    Cause(
        "unknown",
        (
            r"satisfies the requirement (?P<broken>\S+) \(from versions: (?P<offered>[^)\n]*[0-9][^)\n]*)\)",
            r"No matching distribution found for (?P<broken>\S+)",
        ),
        "{tool} finds no {broken} for this host",
        "Check its name, the range, the host's Python version and the index in its pip.conf",
    ),
)
_UV = (
    Cause(
        "network",
        (r"Network connectivity is disabled|network was disabled|not found in the cache",),
        "{tool} may not use the network on the host (UV_OFFLINE or --offline)",
        "Change that setting, or use another source",
    ),
    Cause(
        "policy",
        (
            r"`?(?P<broken>[\w.-]+)`? (?:\S+ )?was filtered by `?exclude-newer`? [^\n]* before (?P<date>\S+?)\.?\s",
            r"exclude-newer",
        ),
        "uv on the host takes no version of {broken} that is newer than {date} (exclude-newer in its settings)",
        "Ask for an older version, or change that setting on the host",
    ),
    Cause(
        "unknown",
        (r"(?P<broken>[A-Za-z0-9._-]+) was not found in the (?:package registry|provided package locations)",),
        "{tool} does not know the package {broken}",
        "Check its name and the index in the host's uv.toml",
    ),
    Cause(
        "unmet",
        (r"No interpreter found for (?P<needed>[^\n]+)",),
        "uv finds no {needed}, and may not or cannot download one",
        "Install python3 on the host, or let uv download one",
    ),
    Cause(
        "checksum",
        (r"Hash mismatch for|Failed to extract archive|Failed to unzip wheel",),
        "What uv downloaded is not what its index names{why}",
        "A mirror or a proxy may have changed it; look at the index in the host's uv.toml",
    ),
    _PYTHON_TOO_OLD,
    Cause(
        "unknown",
        (
            r"only (?P<offered>[^\n]+?) (?:is|are) available and you require (?P<broken>[^,\s]+)",
            r"there (?:are|is) no versions? of (?P<broken>[^\s,]+)",
        ),
        "{tool} finds no {broken} in its index",
        "Relax the range, or check the index in the host's uv.toml",
    ),
    Cause(
        "unmet",
        (r"No solution found[^\n]*\s+(?:cause:|\W+) ?Because (?P<because>[^\n]+)",),
        "{tool} cannot satisfy what the packages depend on: {because}",
        "See on the host: {try_it}",
    ),
    Cause(
        "unmet",
        (r"No solution found",),
        "{tool} cannot satisfy what the packages depend on{why}",
        "See on the host: {try_it}",
    ),
)

PYTHON_CAUSES = (
    Cause(
        "privilege",
        (r"a password is required|a terminal is required|you must have a tty|is not in the sudoers file",),
        "The remote user can no longer become root without a password",
        "Allow it, or log in as root",
    ),
    *COMMON_FIRST,
    Cause(
        "broken",
        (
            r"(?P<program>[^\s:]*python[0-9.]*): (?:\d+: )?(?:[Cc]ommand )?(?:not found|No such file)",
            r"(?P<program>[^\s:]*python[0-9.]*): (?:[Pp]ermission denied|cannot execute)",
            r"(?P<program>[^\s:]*python[0-9.]*): error while loading shared libraries",
        ),
        "The host's {program} does not start",
        "Install the whole python3 on the host, with its libraries, and run again",
    ),
    Cause(
        "broken",
        (
            r"ModuleNotFoundError: No module named '(?P<module>[^'\n]+)'",
            r"ImportError: (?:cannot import name '[^'\n]+' from|No module named) '?(?P<module>[^'\s\n]+)'?",
        ),
        "The host's python3 is not complete: it has no module {module}",
        "Install the whole python3 on the host, with its standard library, and run again",
    ),
    Cause(
        "broken",
        (r"ImportError: (?P<library>\S+\.so\S*): ",),
        "The host's python3 is not complete: it cannot load {library}",
        "Install the whole python3 on the host, with its libraries, and run again",
    ),
    Cause(
        "broken",
        (r"MemoryError|Cannot allocate memory",),
        "The host has too little memory for a module of Ansible",
        "Free memory on the host and run again",
    ),
    Cause(
        "permission",
        (r"PermissionError: [^\n]*?'(?P<path>[^'\n]+)'",),
        "The remote user may not use {path} on the host",
        "Correct its owner or its mode on the host, and run again",
    ),
)
"""Why a module of Ansible broke on the host: what its Python printed."""

LANGUAGE_CAUSES = {
    "npm": (*COMMON_FIRST, *_NPM, *COMMON_LAST),
    "pip": (
        *COMMON_FIRST,
        *_PIP,
        _EXISTS,
        _PIP_INSECURE,
        _PIP_NETWORK,
        _PYTHON_TOO_OLD,
        _BUILD,
        *_PIP_UNKNOWN,
        _PERMISSION,
        *COMMON_LAST,
    ),
    "pipx": (
        *(*COMMON_FIRST, *_PIP, *_UV, _EXISTS, _PIP_INSECURE, _PIP_NETWORK),
        *(_PYTHON_TOO_OLD, _BUILD, *_PIP_UNKNOWN, _PERMISSION, *COMMON_LAST),
    ),
    "uv": (*COMMON_FIRST, *_UV, _EXTERNALLY_MANAGED, _EXISTS, _BUILD, _PERMISSION, *COMMON_LAST),
}
"""By package manager: its causes. The first one that is found counts."""
