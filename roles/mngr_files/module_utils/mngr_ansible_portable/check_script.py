"""The read-only sh script that finds out what a host has of some requirements; ``checks`` reads what it prints.

Shared with the roles (Python 3.9, standard library only). The script runs in any POSIX sh (dash, busybox, bash). It
needs no Python on the host, writes nothing and makes no temporary file.

It is a constant text, below, followed by lines for the requirements at hand. Every value in those is quoted.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from . import checks, trusted_programs
from .regular_expressions import regex
from .sh import without_comments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .shapes import CompleteCheck, CompleteRequirement

_LINES = 20
"""How many lines of one check's output are read; each is cut at 200 bytes, so that an output stays below 4 KiB."""

_AT_ONCE = 8
"""How many requirements are checked at the same time."""

_PATHS = r"""
mngr_add() { for mngr_dir do
  case $mngr_dir in /*) ;; *) continue ;; esac
  [ -d "$mngr_dir" ] || continue
  case :$PATH:$mngr_refused in *":$mngr_dir:"*) continue ;; esac
  if [ -z "$mngr_system" ] || mngr_trusts_directory "$mngr_dir"; then PATH=$PATH:$mngr_dir
  else mngr_refused=$mngr_refused$mngr_dir:; fi
done; }
mngr_paths() {
  mngr_add /usr/local/bin /usr/bin /bin /usr/local/sbin /usr/sbin /sbin /snap/bin /opt/homebrew/bin \
    /home/linuxbrew/.linuxbrew/bin
  case ${HOME:-} in /*) ;; *) return 0 ;; esac
  mngr_add "$HOME/.local/bin" "$HOME/bin" "$HOME/.cargo/bin" "$HOME/go/bin" "$HOME/.bun/bin" "$HOME/.deno/bin" \
    "$HOME/.npm-global/bin" "$HOME/.local/share/pnpm" "$HOME/.opencode/bin" "$HOME/.nix-profile/bin"
  if [ -r "$HOME/.npmrc" ]; then
    mngr_dir=$(sed -n 's/^ *prefix *= *//p' "$HOME/.npmrc" 2>/dev/null | sed -n '$p')
    # shellcheck disable=SC2016,SC2088  # npm expands ~ and ${HOME} in this file, so both are literal here
    case $mngr_dir in '~/'*) mngr_dir=$HOME/${mngr_dir#??} ;; '${HOME}/'*) mngr_dir=$HOME/${mngr_dir#????????} ;; esac
    mngr_add "$mngr_dir/bin"
  fi
  mngr_version_managers
}

# Version managers give the version that the user chose: nvm by its default alias, others by a program of their own.
mngr_version_managers() {
  mngr_first=
  for mngr_dir in "$HOME/.nvm" "$HOME/.config/nvm" /usr/local/share/nvm /usr/local/nvm; do
    if [ -d "$mngr_dir/versions/node" ]; then
      mngr_dir=$mngr_dir/versions/node/$(mngr_nvm_version "$mngr_dir")
      mngr_give nvm "${mngr_dir%/}/bin"
    fi
  done
  for mngr_name in pyenv rbenv nodenv goenv jenv asdf; do
    mngr_give "$mngr_name" "$HOME/.$mngr_name/shims"
  done
  mngr_give mise "$HOME/.local/share/mise/shims"
  mngr_give volta "$HOME/.volta/bin"
  mngr_give fnm "$HOME/.local/share/fnm/aliases/default/bin"
  mngr_give fnm "$HOME/.fnm/aliases/default/bin"
  for mngr_dir in "$HOME"/.sdkman/candidates/*/current/bin; do mngr_give sdkman "$mngr_dir"; done
  for mngr_dir in "$HOME/miniconda3" "$HOME/miniforge3" "$HOME/anaconda3"; do mngr_give conda "$mngr_dir/bin"; done
}
# What a version manager gives comes before everything else where the login's shell starts it, else after everything.
mngr_give() { # MANAGER DIRECTORY
  [ -d "$2" ] || return 0
  case :$PATH:$mngr_refused in *":$2:"*) return 0 ;; esac
  if ! mngr_starts "$1"; then mngr_add "$2"
  elif [ -z "$mngr_system" ] || mngr_trusts_directory "$2"; then PATH=$2:$PATH mngr_first=$mngr_first$2:
  else mngr_refused=$mngr_refused$2:; fi
}
# Whether a start-up file of the login's shell names this version manager. They are read here, not run.
mngr_starts() { # MANAGER
  mngr_word=$1
  case ${SHELL:-} in
    */zsh) set -- .zshenv .zprofile .zshrc .zlogin ;;
    */fish) set -- .config/fish/config.fish .config/fish/conf.d/"$1".fish ;;
    */bash) set -- .bash_profile .bash_login .profile .bashrc ;;
    *) set -- .profile ;;
  esac
  for mngr_file; do
    if [ -f "$HOME/$mngr_file" ] && [ -r "$HOME/$mngr_file" ] &&
      { [ -z "$mngr_system" ] || mngr_trusts "$HOME/$mngr_file"; } &&
      grep -qiE "^([^#]*[^#a-z])?$mngr_word([^a-z]|\$)" "$HOME/$mngr_file" 2>/dev/null; then return 0; fi
  done
  for mngr_file in /etc/profile.d/*"$mngr_word"*; do if [ -f "$mngr_file" ]; then return 0; fi; done
  return 1
}
# Print which installed version nvm's default alias means: an alias may name another one, or only the first numbers.
# Without an alias it is the newest; nothing where the alias means none that nvm has.
mngr_nvm_version() { # DIRECTORY
  mngr_alias=default
  for _ in 1 2 3 4 5 6 7 8; do
    case $mngr_alias in *..*) break ;; esac
    if ! [ -f "$1/alias/$mngr_alias" ] || ! [ -r "$1/alias/$mngr_alias" ]; then break; fi
    if [ -n "$mngr_system" ] && ! mngr_trusts "$1/alias/$mngr_alias"; then mngr_alias=node; break; fi
    mngr_line=''
    read -r mngr_line <"$1/alias/$mngr_alias"
    mngr_alias=$mngr_line
  done
  mngr_alias=${mngr_alias#v}
  case $mngr_alias in
    default) [ ! -e "$1/alias/default" ] || return; mngr_alias='[0-9][0-9]*' ;;
    node | stable | current) mngr_alias='[0-9][0-9]*' ;;
    'lts/*') mngr_alias='[0-9]*[02468]' ;;
    *[!0-9.]* | '' | .*) return ;;
  esac
  # shellcheck disable=SC2012  # names that nvm made: v and a version
  ls "$1/versions/node" | sed -n "/^v$mngr_alias\(\.[0-9.]*\)*\$/p;/^v[0-9]*\$/d" | sed 's/^v//' |
    sort -t . -k 1,1n -k 2,2n -k 3,3n | sed -n '$s/^/v/p'
}

# Set mngr_path to the program of that name; root takes none that others can change, and mngr_why says the last reason.
mngr_is_program() {
  [ -f "$mngr_path" ] && [ -x "$mngr_path" ] || return 1
  if [ -z "$mngr_system" ] || mngr_trusts_program "$mngr_path"; then return 0; fi
  mngr_not_run=$mngr_path
  return 1
}
mngr_find() { # NAME
  mngr_not_run='' mngr_why=''
  case $1 in /*) mngr_path=$1; mngr_is_program; return ;; esac
  mngr_rest=$PATH:
  while [ -n "$mngr_rest" ]; do
    mngr_path=${mngr_rest%%:*}/$1 mngr_rest=${mngr_rest#*:}
    case $mngr_path in /*) if mngr_is_program; then return 0; fi ;; esac
  done
  mngr_rest=$mngr_refused
  while [ -n "$mngr_rest" ]; do
    mngr_path=${mngr_rest%%:*}/$1 mngr_rest=${mngr_rest#*:}
    if mngr_is_program; then return 0; fi
  done
  return 1
}
"""

PATHS = without_comments(f"{trusted_programs.SCRIPT.strip()}\n{_PATHS.strip()}")
"""sh text with functions: ``mngr_protect``, then ``mngr_paths`` adds to ``PATH`` the directories in which users install
tools for themselves, and ``mngr_find`` finds a program.

What a version manager (nvm, pyenv, asdf, …) gives comes first where the login's shell starts the manager: that shell
runs it too. Of nvm's versions of node only that of its default alias is added.
"""

_FUNCTIONS = r"""
LC_ALL=C
export LC_ALL PATH
mngr_protect
mngr_own=${PATH:-}
mngr_paths
set -f
IFS=:
exec 3>&1
mngr_go_home

# Print one line of the answer, in printable ASCII, so that no output of a program can pass for a line of ours.
mngr_say() { # FRAME TEXT
  case $2 in *[!\ -~]*) set -- "$1" "$(printf '%.200s' "$2" | tr -c ' -~' '?')" ;; esac
  printf 'mngr-check %s %.200s\n' "$1" "$2"
}

# Run a command, killed after some seconds where timeout or perl is installed.
mngr_bound=
if timeout -s KILL "$mngr_seconds" true 2>/dev/null; then mngr_bound=mngr_bounded
elif perl -e 1 2>/dev/null; then mngr_bound=mngr_alarmed
fi
mngr_bounded() { timeout -s KILL "$mngr_seconds" "$@"; }
mngr_alarmed() { perl -e 'alarm shift; exec @ARGV' "$mngr_seconds" "$@"; }

# Print what a command prints (| stdout, : stderr), and its exit status; true if some line looks like a version.
mngr_run() { # FRAME WHERE COMMAND…
  mngr_frame=$1
  mngr_say "$1 @" "$2"
  shift 2
  {
    {
      $mngr_bound "$@" </dev/null 2>&4 3>&- 4>&-
      printf 'mngr-check %s = %s\n' "$mngr_frame" "$?" >&3
      printf '\nmngr-end\n\n'
    } 2>/dev/null | {
      if mngr_print "$mngr_frame |" >&3; then printf '\nmngr-seen'; fi
      printf '\nmngr-end\n\n'
    }
  } 4>&1 | mngr_print "$mngr_frame :"
}
# Print the first lines of the input, and the last one of errors: it is what a traceback says. Everything is read, so
# that no program fails since nobody reads on, but not for ever; and up to the mark, not to the end: a child that was
# left behind may keep the pipe open.
mngr_print() { # FRAME
  mngr_left=$mngr_lines mngr_seen=1
  while [ "$mngr_left" -gt 0 ]; do
    IFS= read -r mngr_line || return "$mngr_seen"
    case $mngr_line in
      mngr-end) return "$mngr_seen" ;;
      mngr-seen) mngr_seen=0; continue ;;
      '') continue ;;
      *[0-9].[0-9]*) mngr_seen=0 ;;
    esac
    mngr_say "$1" "$mngr_line"
    mngr_left=$((mngr_left - 1))
  done
  mngr_line=$(sed -n -e '/^mngr-seen$/{p;d;}' -e '/^mngr-end$/{x;p;q;}' -e 20000q -e '/./h')
  case $mngr_line in mngr-seen*) mngr_seen=0 mngr_line=${mngr_line#mngr-seen} ;; esac
  case $1:$mngr_line in *::?*) mngr_say "$1" "${mngr_line#"
"}" ;; esac
  return "$mngr_seen"
}

# The kinds of checks.
mngr_command() { # FRAME NAME ARGUMENT…
  mngr_find "$2" || mngr_refuse "$1" || return 1
  mngr_frame=$1
  case :$mngr_first in
    *":${mngr_path%/*}:"*) mngr_say "$1 +" "$mngr_path" ;;
    *) case :$mngr_own: in *":${mngr_path%/*}:"*) ;; *) mngr_login "$1" "$2" ;; esac ;;
  esac
  shift 2
  mngr_run "$mngr_frame" "$mngr_path" "$mngr_path" "$@"
}
mngr_refuse() { # FRAME: report a program that root does not run; always false
  if [ -n "$mngr_not_run" ]; then
    mngr_say "$1 -" "$mngr_why"
    mngr_say "$1 ~" "$mngr_not_run"
  fi
  return 1
}
mngr_login() { # FRAME NAME: report a program that the user's own shell does not find
  case $2 in *[!A-Za-z0-9._+-]*) return ;; esac
  $mngr_bound env PATH="$mngr_own" "${SHELL:-/bin/sh}" -lc "command -v $2" </dev/null >/dev/null 2>&1 3>&- ||
    mngr_say "$1 !" "$mngr_path"
}
mngr_file() { # FRAME PATH [read]
  # shellcheck disable=SC2088  # the path comes quoted: ~ is expanded here
  case $2 in '~/'*) set -- "$1" "$HOME/${2#??}" "${3:-}" ;; esac
  [ -e "$2" ] || return 1
  if [ -n "${3:-}" ]; then mngr_run "$1" "$2" cat -- "$2"; else mngr_run "$1" "$2" true; fi
}
mngr_module() { # FRAME NAME
  mngr_find python3 || mngr_refuse "$1" || return 1
  mngr_run "$1" "$mngr_path" "$mngr_path" -c '
import sys
sys.path[:1] == [""] and sys.path.pop(0)
import importlib
from importlib import metadata
module = importlib.import_module(sys.argv[1])
try:
    print(metadata.version(sys.argv[1]))
except metadata.PackageNotFoundError:
    print(getattr(module, "__version__", ""))
' "$2"
}

# Print each line by one write: what several checks print at the same time is mixed only between lines.
mngr_whole_lines() { while IFS= read -r mngr_line; do printf '%s\n' "$mngr_line"; done; }

# The entries of package databases.
mngr_dpkg() { # NAME…
  # shellcheck disable=SC2016  # dpkg-query fills in ${Package}, not the shell
  mngr_find dpkg-query &&
    "$mngr_path" -W -f 'mngr-check package dpkg ${db:Status-Abbrev}|${Package}|${Version}\n' "$@" 2>/dev/null 3>&-
}
mngr_rpm() { # NAME…; rpm makes a database where it finds none: Debian's rpm in the home directory
  mngr_find rpm && [ -d "$("$mngr_path" --eval '%{_dbpath}')" ] &&
    "$mngr_path" -q --qf 'mngr-check package rpm ii |%{NAME}|%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' "$@" 2>/dev/null 3>&-
}
mngr_pacman() { # NAME…
  mngr_find pacman && "$mngr_path" -Q "$@" 2>/dev/null 3>&- | sed 's/^\([^ ]*\) /mngr-check package pacman ii |\1|/'
}
mngr_apk() { # NAME…
  # shellcheck disable=SC2016  # awk expands these variables, not the shell
  [ -r /lib/apk/db/installed ] && IFS=' ' && awk -v names="$*" '
    BEGIN { n = split(names, a, " "); for (i = 1; i <= n; i++) is_asked[a[i]] = 1 }
    /^P:/ { package = substr($0, 3) }
    /^V:/ { if (package in is_asked) print "mngr-check package apk ii |" package "|" substr($0, 3) }
  ' /lib/apk/db/installed 3>&-
}
mngr_brew() { # NAME…
  for mngr_name do for mngr_dir in /opt/homebrew /usr/local /home/linuxbrew/.linuxbrew; do
    [ -z "$mngr_system" ] || mngr_trusts_directory "$mngr_dir" || continue
    # shellcheck disable=SC2012  # names that Homebrew made: versions
    [ -d "$mngr_dir/Cellar/$mngr_name" ] &&
      ls "$mngr_dir/Cellar/$mngr_name" | sed -e "s/^/mngr-check package brew ii |$mngr_name|/" -e 's/_[0-9][0-9]*$//'
  done; done
}
"""
"""What the lines about requirements call. ``FRAME`` is the number of a requirement, a blank and that of its check."""

_TEMPLATE = f"""\
set +eu
mngr_lines={_LINES} mngr_seconds={checks.SECONDS}
{_FUNCTIONS.strip()}
# The requirements; every value is quoted, and nothing in it is expanded.
# shellcheck disable=SC2016,SC2088
"""

_DATABASES = ("dpkg", "rpm", "pacman", "apk", "brew")

_NAME = regex(r"[A-Za-z0-9@_][A-Za-z0-9@+._-]*")


def script(requirements: Sequence[CompleteRequirement], *, has_paths: bool = False) -> str:
    """The sh text that checks these requirements, for the stdin of ``sh`` or inside another script.

    ``has_paths``: the other script has :data:`PATHS` already.

    It runs in a subshell of its own and prints lines that start with ``mngr-check``. Several requirements are checked
    at the same time. The later checks of a requirement run only if the earlier ones printed no version.
    """
    functions = without_comments(_TEMPLATE)
    return _filled(functions if has_paths else f"{PATHS}\n{functions}", requirements)


def annotated_script(requirements: Sequence[CompleteRequirement]) -> str:
    """The same with comments, also those for ShellCheck."""
    return _filled(f"{trusted_programs.SCRIPT.strip()}\n{_PATHS.strip()}\n{_TEMPLATE}", requirements)


def _filled(template: str, requirements: Sequence[CompleteRequirement]) -> str:
    """The template in a subshell of its own, followed by the lines for the requirements."""
    lines = [f"(\n{template}{{", *_databases(requirements)]
    for number, requirement in enumerate(requirements):
        steps = ""
        for position, check in enumerate(requirement["checks"]):
            if check["kind"] != "package":
                steps += f"{_call(f'{number} {position}', check)} {';' if check['pattern'] else '||'} "
        if steps:
            lines.append(f"{{ {steps}:; }} &")
        if number % _AT_ONCE == _AT_ONCE - 1:
            lines.append("wait")
    return "\n".join([*lines, "wait", f"echo mngr-check end {len(requirements)}", "}", ")", ""])


def _databases(requirements: Sequence[CompleteRequirement]) -> list[str]:
    """One line for each package database, about all the packages that it is asked for."""
    asked: dict[str, set[str]] = {}
    for requirement in requirements:
        for check in requirement["checks"]:
            if check["kind"] == "package":
                database = check.get("database")
                for each in [database] if database else _DATABASES:
                    asked.setdefault(each, set()).add(check["value"])
        # A command may work although dpkg could not set its package up.
        asked.setdefault("dpkg", set()).update(requirement["packages"].get("apt", ()))
    names = {database: sorted(filter(_NAME.fullmatch, values)) for database, values in asked.items()}
    return [f"mngr_{database} {shlex.join(each)} | mngr_whole_lines &" for database, each in names.items() if each]


def _call(frame: str, check: CompleteCheck) -> str:
    kind, value = check["kind"], check["value"]
    if kind == "command":
        return shlex.join(["mngr_command", frame, value, *check["args"]])
    if kind == "file":
        return shlex.join(["mngr_file", frame, value, *(["read"] if check["pattern"] else [])])
    if kind == "python_module":
        return shlex.join(["mngr_module", frame, value])
    return shlex.join(["mngr_run", frame, "", "sh", "-c", value])
