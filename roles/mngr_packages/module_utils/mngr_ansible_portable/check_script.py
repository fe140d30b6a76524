"""The read-only POSIX sh script that asks a host about requirements; ``checks`` reads its answer.

Shared with the roles (Python 3.9, standard library only). The script needs no Python on the host, writes nothing and
makes no temporary file; it runs under dash, busybox and bash.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LINES = 20  # that one check may print; each is cut at 200 bytes, so that an answer stays below 4 KiB
SECONDS = 10  # that one command may take
_AT_ONCE = 8  # requirements that are checked side by side

PATHS = r"""
mngr_add() { for mngr_dir do
  case $mngr_dir in /*) if [ -d "$mngr_dir" ]; then PATH=$PATH:$mngr_dir; fi ;; esac
done; }
mngr_paths() {
  mngr_add /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin /snap/bin /opt/homebrew/bin \
    /home/linuxbrew/.linuxbrew/bin
  case ${HOME:-} in /*) ;; *) return 0 ;; esac
  mngr_add "$HOME/.local/bin" "$HOME/bin" "$HOME/.cargo/bin" "$HOME/go/bin" "$HOME/.bun/bin" "$HOME/.deno/bin" \
    "$HOME/.npm-global/bin"
  if [ -r "$HOME/.npmrc" ]; then
    mngr_dir=$(sed -n 's/^ *prefix *= *//p' "$HOME/.npmrc" 2>/dev/null | sed -n '$p')
    case $mngr_dir in '~/'*) mngr_dir=$HOME/${mngr_dir#??} ;; '${HOME}/'*) mngr_dir=$HOME/${mngr_dir#????????} ;; esac
    mngr_add "$mngr_dir/bin"
  fi
  if [ -d "$HOME/.nvm/versions/node" ]; then
    mngr_dir=$(ls "$HOME/.nvm/versions/node" | sed 's/^v//' | sort -t . -k 1,1n -k 2,2n -k 3,3n | tail -n 1)
    mngr_add "$HOME/.nvm/versions/node/v$mngr_dir/bin"
  fi
}
mngr_paths
"""
"""sh text that adds the places to ``PATH`` where tools are that a login may have installed for itself.

Of nvm's versions of node only the newest counts.
"""

_FUNCTIONS = f"""\
mngr_say() {{ # FRAME TEXT: one line of printable ASCII, so that no output can pass for a frame
  case $2 in *[!\\ -~]*) set -- "$1" "$(printf '%.200s' "$2" | tr -c ' -~' '?')" ;; esac
  printf 'mngr-check %s %.200s\\n' "$1" "$2"
}}
mngr_find() {{ # NAME: set mngr_path to the program of that name
  case $1 in /*) mngr_path=$1; [ -f "$1" ] && [ -x "$1" ]; return ;; esac
  for mngr_dir in $PATH; do
    mngr_path=$mngr_dir/$1
    case $mngr_dir in /*) [ -f "$mngr_path" ] && [ -x "$mngr_path" ] && return 0 ;; esac
  done
  return 1
}}
mngr_run() {{ # FRAME WHERE COMMAND…: tell what it says; true when that looks like a version
  mngr_frame=$1
  mngr_say "$1 @" "$2"
  shift 2
  {{
    $mngr_bound "$@" </dev/null 2>&1 3>&-
    printf 'mngr-check %s = %s\\n' "$mngr_frame" "$?" >&3
    printf '\\nmngr-end\\n'
  }} 2>/dev/null | {{ # up to the mark, not to the end: a child that was left behind may hold the pipe open
    mngr_left={_LINES} mngr_seen=1
    while [ "$mngr_left" -gt 0 ] && IFS= read -r mngr_line; do
      case $mngr_line in mngr-end) break ;; '') continue ;; *[0-9].[0-9]*) mngr_seen=0 ;; esac
      mngr_say "$mngr_frame |" "$mngr_line"
      mngr_left=$((mngr_left - 1))
    done
    exit "$mngr_seen"
  }}
}}
mngr_command() {{ # FRAME NAME ARGUMENT…
  mngr_find "$2" || return 1
  mngr_frame=$1
  case :$mngr_own: in *":${{mngr_path%/*}}:"*) ;; *) mngr_login "$1" "$2" ;; esac
  shift 2
  mngr_run "$mngr_frame" "$mngr_path" "$mngr_path" "$@"
}}
mngr_login() {{ # FRAME NAME: tell it where a shell of the login does not find it either
  case $2 in *[!A-Za-z0-9._+-]*) return ;; esac
  $mngr_bound env PATH="$mngr_own" "${{SHELL:-/bin/sh}}" -lc "command -v $2" </dev/null >/dev/null 2>&1 3>&- ||
    mngr_say "$1 !" "$mngr_path"
}}
mngr_file() {{ # FRAME PATH [read]
  case $2 in '~/'*) set -- "$1" "$HOME/${{2#??}}" "${{3:-}}" ;; esac
  [ -e "$2" ] || return 1
  if [ -n "${{3:-}}" ]; then mngr_run "$1" "$2" cat -- "$2"; else mngr_run "$1" "$2" true; fi
}}
mngr_module() {{ # FRAME NAME
  mngr_find python3 && mngr_run "$1" "$mngr_path" "$mngr_path" -c '
import importlib, sys
from importlib import metadata
module = importlib.import_module(sys.argv[1])
try:
    print(metadata.version(sys.argv[1]))
except metadata.PackageNotFoundError:
    print(getattr(module, "__version__", ""))
' "$2"
}}
mngr_cellar() {{ # NAME…: what Homebrew has
  for mngr_name do for mngr_dir in /opt/homebrew /usr/local /home/linuxbrew/.linuxbrew; do
    [ -d "$mngr_dir/Cellar/$mngr_name" ] &&
      ls "$mngr_dir/Cellar/$mngr_name" | sed -e "s/^/mngr-check package brew ii |$mngr_name|/" -e "s/_[0-9][0-9]*\\$//"
  done; done
}}
set +eu
mngr_own=${{PATH:-}}
{PATHS.strip()}
set -f
LC_ALL=C IFS=:
export LC_ALL PATH
exec 3>&1
mngr_bound=
if timeout -s KILL {SECONDS} true 2>/dev/null; then mngr_bound=mngr_bounded
elif perl -e 1 2>/dev/null; then mngr_bound=mngr_alarmed
fi
mngr_bounded() {{ timeout -s KILL {SECONDS} "$@"; }}
mngr_alarmed() {{ perl -e 'alarm shift; exec @ARGV' {SECONDS} "$@"; }}
"""

_NAME = re.compile(r"[A-Za-z0-9@_][A-Za-z0-9@+._-]*")
_RPM = "mngr-check package rpm ii |%{NAME}|%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n"
_DPKG = "mngr-check package dpkg ${db:Status-Abbrev}|${Package}|${Version}\\n"
_APK = (
    'BEGIN {{ n = split("{names}", a, " "); for (i = 1; i <= n; i++) w[a[i]] = 1 }} '
    '/^P:/ {{ p = substr($0, 3) }} /^V:/ {{ if (p in w) print "mngr-check package apk ii |" p "|" substr($0, 3) }}'
)

_PACMAN = r"s/^\([^ ]*\) /mngr-check package pacman ii |\1|/"

_DATABASES = {
    "dpkg": "mngr_find dpkg-query && dpkg-query -W -f '{dpkg}' {names} 2>/dev/null 3>&-",
    # rpm makes a database where it finds none: Debian's in the home directory.
    "rpm": """mngr_find rpm && [ -d "$(rpm --eval '%{{_dbpath}}')" ] && rpm -q --qf '{rpm}' {names} 2>/dev/null 3>&-""",
    "pacman": "mngr_find pacman && pacman -Q {names} 2>/dev/null 3>&- | sed '{pacman}'",
    "apk": "[ -r /lib/apk/db/installed ] && awk {awk} /lib/apk/db/installed 3>&-",
    "brew": "mngr_cellar {names}",
}


def script(requirements: Sequence[Mapping[str, Any]]) -> str:
    """The sh text that asks a host about completed requirements, for the stdin of ``sh`` or inside another script.

    It runs in a subshell of its own and answers on stdout in lines that start with ``mngr-check``. Requirements are
    asked side by side; of one requirement the later checks are asked where the earlier ones tell no version.
    """
    lines = ["(", _FUNCTIONS.rstrip("\n"), *_databases(requirements)]
    for number, requirement in enumerate(requirements):
        steps = ""
        for position, check in enumerate(requirement["checks"]):
            if check["kind"] != "package":
                steps += f"{_call(f'{number} {position}', check)} {';' if check['pattern'] else '||'} "
        if steps:
            lines.append(f"{{ {steps}:; }} &")
        if number % _AT_ONCE == _AT_ONCE - 1:
            lines.append("wait")
    return "\n".join([*lines, "wait", f"echo mngr-check end {len(requirements)}", ")", ""])


def _databases(requirements: Sequence[Mapping[str, Any]]) -> list[str]:
    """One question to each package database that the host has, about all packages that are asked of it."""
    asked: dict[str, list[str]] = {}
    for requirement in requirements:
        for check in requirement["checks"]:
            if check["kind"] == "package":
                for database in [check["database"]] if check["database"] else _DATABASES:
                    asked.setdefault(database, []).append(check["value"])
        # A command may work although dpkg could not set its package up.
        asked.setdefault("dpkg", []).extend(requirement["packages"].get("apt", ()))
    lines = []
    for database, values in asked.items():
        unique = sorted(filter(_NAME.fullmatch, set(values)))
        if not unique:
            continue
        names, awk = shlex.join(unique), shlex.quote(_APK.format(names=" ".join(unique)))
        lines.append(
            f"{{ {_DATABASES[database].format(names=names, awk=awk, dpkg=_DPKG, rpm=_RPM, pacman=_PACMAN)}; }} &"
        )
    return lines


def _call(frame: str, check: Mapping[str, Any]) -> str:
    kind, value = check["kind"], check["value"]
    if kind == "command":
        return shlex.join(["mngr_command", frame, value, *check["args"]])
    if kind == "file":
        return shlex.join(["mngr_file", frame, value, *(["read"] if check["pattern"] else [])])
    if kind == "python_module":
        return shlex.join(["mngr_module", frame, value])
    return shlex.join(["mngr_run", frame, "", "sh", "-c", value])
