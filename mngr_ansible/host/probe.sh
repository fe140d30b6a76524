#!/bin/sh
# Asks a host everything in one round trip, as the remote user: read-only, without temporary files, under any POSIX sh
# (dash, busybox, bash), without Python on the host.
#
# A template (templates.py), filled in by probe_script.py: @NAME@ is a value, a line ": @NAME@" lines of script; comments
# are not sent. probe_answer.py reads what this prints; its table WORDS explains every line.

say() { printf '%s %s\n' "$1" "$2"; }

ask_login() {
  # A home that is not in the environment is looked up by the shell itself. A user without a name has none: then it is
  # the root directory, as for login(1).
  uid=$mngr_uid
  u=$(id -un 2>/dev/null) || u=$uid
  [ -n "$H" ] || H=$(eval "echo ~$u")
  case $H in /*) ;; *) H=/ ;; esac
  while case $H in ?*/) : ;; *) false ;; esac; do H=${H%/}; done
  say home "$H"
  say user "$u"
  say uid "$uid"
  say groups "$(id -G)"
  for t in "$H" /tmp /var/tmp; do
    if [ -d "$t" ] && [ -w "$t" ] && [ -x "$t" ]; then say tmp "$t"; break; fi
  done
}

ask_system() {
  say system "$(uname -sm)"
  a=$(dpkg --print-architecture 2>/dev/null)
  if [ -z "$a" ] && [ -r /etc/apk/arch ]; then read -r a </etc/apk/arch; fi
  say userland "$a $(getconf LONG_BIT 2>/dev/null)"
  if [ -r /etc/os-release ]; then
    sed -n -e 's/^ID=/os ID=/p' -e 's/^VERSION_ID=/os VERSION_ID=/p' -e 's/^PRETTY_NAME=/os PRETTY_NAME=/p' \
      -e 's/^ID_LIKE=/os ID_LIKE=/p' -e 's/^NAME=/os NAME=/p' /etc/os-release
  fi
  for m in curl gpg; do
    if command -v "$m" >/dev/null 2>&1; then say program "$m"; fi
  done
}

: @TOOL_PATHS@

# NAME: report a program that is there and that root does not run.
# shellcheck disable=SC2154  # mngr_find sets mngr_not_run and mngr_why
refuse() {
  if [ -n "$mngr_not_run" ]; then say refused "$1 $(printf '%s' "$mngr_why" | tr -c ' -~' '?')"; fi
}

# In a subshell, since it changes PATH.
ask_managers() (
  mngr_paths
  # shellcheck disable=SC2043
  for m in @MANAGERS@; do
    if mngr_find "${m#*:}"; then say manager "${m%:*}"; else refuse "${m%:*}"; fi
  done
)

# PATH: whether root may run this program, whoever asks now.
# shellcheck disable=SC2154  # mngr_protect sets mngr_owners
root_may_run() {
  saved=$mngr_system mngr_system=$mngr_owners
  mngr_trusts_program "$1"
  set -- $?
  mngr_system=$saved
  return "$1"
}

# Python imports nothing from the current directory here. A python3 of the user alone is taken only where there is none
# that root may run: Ansible may run it as root. What its sitecustomize prints comes before our line. A standard library
# without json is a part of one (Debian's python3-minimal); to import it takes half as long as Python's start, and is
# needed only where PYTHONPATH may hide it.
ask_python() {
  python='' own='' variables=''
  for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 /usr/bin/python3 \
    /usr/libexec/platform-python; do
    if ! mngr_find "$p"; then refuse python3; continue; fi
    v=$("$mngr_path" -c 'import sys
sys.path[:1] == [""] and sys.path.pop(0)
import os
is_there = any(os.path.isfile(each + "/json/__init__.py") for each in sys.path)
is_there and "PYTHONPATH" not in os.environ or __import__("json")
print("\nmngr-python %d.%d %s" % (sys.version_info[:2] + (sys.executable,)))' 2>/dev/null)
    case $v in
      *mngr-python\ *) v=${v##*mngr-python } ;;
      *)
        v=''
        if [ -n "${PYTHONHOME-}${PYTHONPATH-}" ] && "$mngr_path" -I -c 'import json' >/dev/null 2>&1; then
          variables="${PYTHONHOME:+PYTHONHOME }${PYTHONPATH:+PYTHONPATH}"
        fi
        ;;
    esac
    case $v in
      3.[0-8]\ *) say oldpython "$v" ;;
      3.*)
        mngr_path=/${v#*/}
        if root_may_run "$mngr_path"; then python=$v; break; fi
        if [ -n "$mngr_system" ]; then if ! mngr_is_program; then refuse python3; fi; else own=${own:-$v}; fi
        ;;
    esac
  done
  python=${python:-$own}
  if [ -n "$python" ]; then say python "$python"; elif [ -n "$variables" ]; then say pythonvariables "$variables"; fi
}

# COMMAND…: run it, within $wait seconds; sets $code, and $output to what it prints. Reports sudo that took long.
# shellcheck disable=SC2086  # $bounded is several words
try_root() {
  began=$(date +%s)
  output=$($bounded "$@" 2>&1)
  code=$? took=$(($(date +%s) - began))
  case $code:$output in
    124:* | 137:*) say obstacle "slow $wait" ;;
    0:*'nable to resolve host'*) if [ "$took" -ge 5 ]; then say slowsudo "$took name"; fi ;;
    0:*) if [ "$took" -ge 5 ]; then say slowsudo "$took"; fi ;;
    *tty*) say obstacle tty ;;
  esac
  return "$code"
}

# How the remote user can become root. sudo can wait for ever (for a network, a PAM module), or for name servers that do
# not answer, which takes them 10 to 40 s: it gets a minute.
find_privilege() {
  privilege=none bounded='' wait=$((seconds * 5 / 8))
  if [ "$uid" = 0 ]; then privilege=root; return; fi
  if [ -z "$needs_privilege" ] && [ -n "$python" ]; then return; fi
  if [ "$wait" -gt 60 ]; then wait=60; elif [ "$wait" -lt 1 ]; then wait=1; fi
  if timeout -k 1 1 true >/dev/null 2>&1; then bounded="timeout -k 1 $wait"; fi
  if command -v sudo >/dev/null 2>&1 && try_root sudo -n true; then privilege=sudo; return; fi
  if command -v doas >/dev/null 2>&1 && try_root doas -n true; then privilege=doas; return; fi
  if [ -n "$mngr_password" ]; then
    case $(sudo --version 2>&1) in
      sudo-rs*) say obstacle rs ;;
      *) if printf '%s\n' "$mngr_password" | try_root sudo -k -S -p '' true; then privilege=password; fi ;;
    esac
  fi
}

# SCRIPT: run it as root, where sudo allows that; as the remote user where not.
# shellcheck disable=SC2086  # several words: we cannot end what root runs
as_root() {
  kill_after=
  if [ -n "$bounded" ] && program=$(PATH=/usr/bin:/bin command -v timeout); then
    kill_after="$program -s KILL $seconds"
  fi
  case $privilege in
    sudo) printf '%s\n' "$1" | sudo -n /usr/bin/env LC_ALL=C H="$H" W="$W" END="$END" $kill_after /bin/sh ;;
    password)
      printf '%s\n%s\n' "$mngr_password" "$1" |
        sudo -k -S -p '' /usr/bin/env LC_ALL=C H="$H" W="$W" END="$END" $kill_after /bin/sh
      ;;
    *) eval "$1" ;;
  esac
}

ask_real_directories() {
  cd -P "$H" && say realhome "$PWD"
  cd -P "$W" && say realwork "$PWD"
  cd / || return
}

user_number() { id -u -- "$1" 2>/dev/null; }

group_number() {
  if command -v getent >/dev/null 2>&1; then getent group "$1" | { IFS=: read -r _ _ g _; echo "$g"; }
  else while IFS=: read -r n _ g _; do if [ "$n" = "$1" ]; then echo "$g"; fi; done </etc/group; fi
}

: @FILE_FUNCTIONS@

main() {
  LC_ALL=C
  export LC_ALL
  needs_privilege=@NEEDS_PRIVILEGE@
  # The password must not reach the environment of any program.
  unset mngr_password
  mngr_password=@PASSWORD@
  H=$HOME
  # shellcheck disable=SC2034  # for mngr_protect, which sets mngr_uid
  mngr_soon=@SOON@ mngr_uid=''
  # Before anything that PATH decides; and no program finds a file of the directory in which we were started.
  mngr_protect
  mngr_go_home
  seconds=@SECONDS@
  END=$(($(date +%s) + seconds))
  printf '\n%s begin\n' @NONCE@
  for p in id ls sed tr uname; do
    if ! command -v "$p" >/dev/null 2>&1; then say lacks "$p"; fi
  done
  ask_login
  ask_system
  ask_managers
  W=@WORK_DIR@
  say work_dir "$W"
: @REST@
  printf '%s end\n' @NONCE@
}

# The whole script is read before anything runs: no program takes its rest for input.
main </dev/null 2>/dev/null
