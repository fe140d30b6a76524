"""Which programs of a host root may run: those that nobody but root can change, and to which only root's links lead.

Shared with the roles (Python 3.9, standard library only). ``SCRIPT`` is the rule in sh, for what is asked before a host
has Python; :func:`trusted_path` and :func:`is_trusted` are the same in Python. Other users than root run what they
like: there is nothing to gain for anybody.

The rule: every directory, link and program on the way belongs to root (or to the owner of ``/``: in a user namespace
root's files show another number), and nobody else may write it. A sticky directory such as ``/tmp`` may be on the way.
A group that may write must have no members: Debian's ``staff`` owns ``/usr/local`` on old systems. Source: Debian
Policy 9.1.2; systemd-tmpfiles' "unsafe path transitions" (systemd.io, tmpfiles.d(5)).
"""

from __future__ import annotations

import grp
import os
import pwd
import stat
from contextlib import suppress

SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin:/run/current-system/profile/bin"
"""Where every system has its basic programs; the last two are those of NixOS and Guix."""

_MOST_LINKS = 40
"""How many links are followed on one way. Source: path_resolution(7)."""

SCRIPT = r"""
# PATH…: look at all of these at once, for mngr_look. Nothing that others chose is in the lines: not where links lead.
mngr_prefetch() {
  mngr_seen="$mngr_seen
$(stat -c '%A %u %g %n' -- "$@" 2>/dev/null)
"
}
# PATH…: the same for these and every directory above.
mngr_prefetch_ways() {
  mngr_all=:
  for mngr_at do
    while case $mngr_at:$mngr_all in :* | *":$mngr_at:"*) false ;; esac; do
      mngr_all=$mngr_all$mngr_at: mngr_at=${mngr_at%/*}
    done
  done
  mngr_ifs=$IFS IFS=:
  # shellcheck disable=SC2086
  set -- ${mngr_all#:}
  IFS=$mngr_ifs
  mngr_prefetch / "$@"
}

# Whether nobody but the system can change what is at this path itself; sets mngr_mode, or mngr_why: what prevents it.
mngr_look() { # PATH
  mngr_place=$1 mngr_ifs=$IFS
  mngr_line=${mngr_seen%%" $1
"*}
  if [ "$mngr_line" = "$mngr_seen" ]; then
    mngr_line=$(ls -ldn -- "$1" 2>/dev/null) || { mngr_why="gone - $1"; return 1; }
    IFS=' '
    # shellcheck disable=SC2086  # the words before the name
    set -- ${mngr_line%%/*}
    set -- "$1" "${3:-}" "${4:-}"
  else
    IFS=' '
    # shellcheck disable=SC2086
    set -- ${mngr_line##*"
"}
  fi
  IFS=$mngr_ifs mngr_mode=$1
  case $mngr_owners in *" $2 "*) ;; *) mngr_blame owner; return 1 ;; esac
  case $1 in
    l* | ?????-??-*) return 0 ;;
    d????????[tT]*) mngr_mode=sticky; return 0 ;;
    ????????w*) mngr_why="all - $mngr_place"; return 1 ;;
  esac
  case $(ls -ld -- "$mngr_place" 2>/dev/null) in
    ?????w????+*) ;;
    *) if mngr_is_empty_group "$3"; then return 0; fi ;;
  esac
  mngr_blame group
  return 1
}
mngr_blame() { # owner|group: set mngr_why to that word, the name of the owner or of the group, and the place
  mngr_line=$(ls -ld -- "$mngr_place" 2>/dev/null)
  mngr_what=$1 IFS=' '
  # shellcheck disable=SC2086
  set -- ${mngr_line%%/*}
  IFS=$mngr_ifs
  if [ "$mngr_what" = owner ]; then set -- "${3:-?}"; else set -- "${4:-?}"; fi
  mngr_why="$mngr_what $1 $mngr_place"
}
mngr_is_empty_group() { # GID: whether nobody but root is in this group
  [ -z "$(
    IFS=:
    { cat /etc/group; getent group "$1"; } 2>/dev/null | while read -r _ _ mngr_gid mngr_line; do
      case $mngr_gid:$mngr_line in "$1:" | "$1:root") ;; "$1:"*) echo "$mngr_line" ;; esac
    done
    while read -r mngr_line _ _ mngr_gid _; do
      case $mngr_gid:$mngr_line in "$1:root") ;; "$1:"*) echo "$mngr_line" ;; esac
    done </etc/passwd
  )" ]
}

# Whether nobody but the system can change what is at this path, and where its links lead. mngr_known is a cache.
mngr_trusts() { # PATH
  case $mngr_known in :/:*) ;; *) mngr_look / || return 1; mngr_known=:/: ;; esac
  mngr_todo=${1#/} mngr_at='' mngr_links=@LINKS@ mngr_mode=''
  while [ -n "$mngr_todo" ]; do
    mngr_step=${mngr_todo%%/*}
    case $mngr_todo in */*) mngr_todo=${mngr_todo#*/} ;; *) mngr_todo='' ;; esac
    case $mngr_step in
      '' | .) continue ;;
      ..) mngr_at=${mngr_at%/*}; continue ;;
      *:*) mngr_why="other - $mngr_at/$mngr_step"; return 1 ;;
    esac
    mngr_at=$mngr_at/$mngr_step
    case $mngr_known in *":$mngr_at:"*) mngr_mode=''; continue ;; esac
    mngr_look "$mngr_at" || return 1
    case $mngr_mode in
      l*)
        mngr_links=$((mngr_links - 1)) mngr_why="other - $mngr_at"
        [ "$mngr_links" -ge 0 ] && mngr_step=$(readlink "$mngr_at") || return 1
        case $mngr_step in /*) mngr_at='' ;; *) mngr_at=${mngr_at%/*} ;; esac
        mngr_todo=${mngr_step#/}/$mngr_todo
        ;;
      d*) mngr_known=$mngr_known$mngr_at: ;;
    esac
  done
}
mngr_trusts_directory() { # PATH: the same for a directory in which programs are searched
  mngr_trusts "$1" && case $mngr_mode in sticky) mngr_why="all - $1"; return 1 ;; esac
}
mngr_trusts_program() { # PATH [DEPTH]: the same for a program, and for what the first line of a script names
  case $mngr_programs in *":$1:"*) return 0 ;; esac
  mngr_trusts "$1" || return 1
  # shellcheck disable=SC2034  # mngr_why is for the scripts that say why
  case $mngr_mode in -*) ;; *) mngr_why="other - $1"; return 1 ;; esac
  mngr_line=''
  if [ -r "$1" ]; then IFS= read -r mngr_line <"$1"; fi 2>/dev/null
  case $mngr_line in '#!'*) ;; *) mngr_programs=$mngr_programs$1:; return 0 ;; esac
  mngr_line=${mngr_line#??}
  while case $mngr_line in [\ \	]*) ;; *) false ;; esac; do mngr_line=${mngr_line#?}; done
  mngr_line=${mngr_line%%[ 	]*}
  case $mngr_line:${2:-} in /*:) mngr_trusts_program "$mngr_line" 1 ;; /*:1) mngr_trusts "$mngr_line" ;; esac
}

# As root: take from PATH what root must not run programs of, and keep it in mngr_refused; and leave a home directory of
# somebody else, which sudo may keep: Python runs files of it when it starts, and so does a login shell.
# mngr_owners: whom the system belongs to. mngr_system: the same for root, and empty for every other user. mngr_uid: who
# runs this. mngr_soon: names of programs, with colons between them, that will be searched, and are looked at together.
mngr_soon='' mngr_uid=''
mngr_owners='' mngr_system='' mngr_known=: mngr_programs=: mngr_refused='' mngr_seen=''
mngr_protect() {
  if [ -n "$mngr_owners" ]; then return 0; fi
  mngr_line=$(PATH=@SYSTEM@:$PATH ls -ldn /) mngr_ifs=$IFS IFS=' '
  # shellcheck disable=SC2086
  set -- ${mngr_line%%/*}
  mngr_owners=" 0 ${3:-0} " IFS=$mngr_ifs
  mngr_uid=$(PATH=@SYSTEM@:$PATH id -u)
  [ "$mngr_uid" = 0 ] || return 0
  # shellcheck disable=SC2034  # for the scripts that ask whether root runs them
  mngr_system=$mngr_owners
  mngr_dirs=$PATH
  PATH=@SYSTEM@
  set -f
  IFS=:
  # shellcheck disable=SC2086
  set -- $mngr_dirs "${HOME:-}" $PATH /usr/local/sbin /usr/local/bin /snap/bin /opt/homebrew/bin \
    /home/linuxbrew/.linuxbrew/bin
  for mngr_dir in $mngr_dirs; do
    for mngr_name in $mngr_soon; do
      if [ -f "$mngr_dir/$mngr_name" ]; then set -- "$@" "$mngr_dir/$mngr_name"; fi
    done
  done
  IFS=$mngr_ifs
  mngr_prefetch_ways "$@"
  mngr_path='' IFS=:
  for mngr_dir in $mngr_dirs; do
    IFS=$mngr_ifs
    mngr_search "$mngr_dir"
    IFS=:
  done
  IFS=$mngr_ifs
  set +f
  PATH=${mngr_path:-$PATH}
  case ${HOME:-} in
    /*) if ! mngr_trusts_directory "$HOME"; then HOME=/; export HOME; fi ;;
  esac
}

# Leave the caller's directory: Python would import what lies there, and version managers and npm would read it.
mngr_go_home() {
  [ "$PWD" = / ] || cd "${HOME:-/}" 2>/dev/null || cd /
}
mngr_search() { # DIRECTORY: add it to mngr_path, or to mngr_refused
  case $1 in /*) ;; *) return 0 ;; esac
  if mngr_trusts_directory "$1"; then mngr_path=$mngr_path${mngr_path:+:}$1; else mngr_refused=$mngr_refused$1:; fi
}
""".replace("@LINKS@", str(_MOST_LINKS)).replace("@SYSTEM@", SYSTEM_PATH)
"""The rule as functions, with comments. A script calls ``mngr_protect`` before anything that PATH decides; then
``mngr_system`` is empty for every user but root. ``mngr_why`` is a word and two more, for :func:`reason`."""


def reason(why: str) -> str:
    """Why root does not run a program, as the end of a sentence; ``why``: what the script found (``mngr_why``)."""
    what, _, rest = why.partition(" ")
    name, _, place = rest.partition(" ")
    who = {"owner": name, "group": f"the group {name}", "all": "every user"}.get(what)
    if what == "gone":
        return f"{place} does not exist"
    if who is None:
        return f"{place} cannot be checked, and root runs only what nobody else can change"
    return f"{who} can change {place}, and root runs only what nobody else can change"


def trusted_path(path: str) -> str:
    """The directories of a PATH in which root may search programs, in their order; for other users all of them."""
    if os.geteuid() != 0:
        return path
    places = [each for each in path.split(os.pathsep) if each.startswith("/") and is_trusted(each)]
    return os.pathsep.join(places) or SYSTEM_PATH


def is_trusted(path: str) -> bool:
    """Whether nobody but the system can change what is at an absolute path, and where its links lead."""
    try:
        system = {0, os.lstat("/").st_uid}
        return _is_trusted(path, system)
    except OSError:
        return False


def _is_trusted(path: str, system: set[int]) -> bool:
    names, at, links, status = path.split("/")[::-1], "", _MOST_LINKS, os.lstat("/")
    while names:
        name = names.pop()
        if name in ("", "."):
            continue
        if name == "..":
            at = at.rpartition("/")[0]
            continue
        at = f"{at}/{name}"
        status = os.lstat(at)
        if status.st_uid not in system:
            return False
        if stat.S_ISLNK(status.st_mode):
            links -= 1
            if links < 0:
                return False
            target = os.readlink(at)  # noqa: PTH115 - a path is text here
            at = "" if target.startswith("/") else at.rpartition("/")[0]
            names += target.split("/")[::-1]
        elif not _is_closed(status) and not (status.st_mode & stat.S_ISVTX and stat.S_ISDIR(status.st_mode)):
            return False
    return _is_closed(os.lstat(at or "/"))


def _is_closed(status: os.stat_result) -> bool:
    """Whether nobody but the owner may write: neither everybody, nor a group that has members other than root."""
    if status.st_mode & stat.S_IWOTH:
        return False
    if not status.st_mode & stat.S_IWGRP:
        return True
    members = {each.pw_name for each in pwd.getpwall() if each.pw_gid == status.st_gid}
    with suppress(KeyError):
        members.update(grp.getgrgid(status.st_gid).gr_mem)
    return members <= {"root"}
