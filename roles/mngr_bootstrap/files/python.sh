# shellcheck shell=sh
# Installs python3 with the system's package manager if the host has none that Ansible can use. Plain sh, for
# /bin/sh -c. Needs $seconds, the time after which a package manager is stopped, and $lock_seconds, the time to wait for
# its lock. The last line of its output is JSON: the outcome of the step bootstrap:python3. The exit status is 0 if python3
# is installed. With check=yes nothing is changed: the manager only says what it would do, and fetches the lists that it
# needs into a directory of its own, as pacman's checkupdates does.
set -u
: "${seconds:?}" "${lock_seconds:=60}" "${check:=}"
LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
# Root runs no program of a user's, and Python (-I) imports nothing from a directory or a home of a user's.
if [ "$(PATH=/usr/bin:/bin:$PATH id -u)" = 0 ]; then PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; fi
export LC_ALL PATH
if [ "$lock_seconds" -gt $((seconds / 2)) ]; then lock_seconds=$((seconds / 2)); fi # the work needs time too
cd /
become='' output='' code=0 package=python3 room='' own='' only=''

finish() { # STATUS REASON: print the outcome and exit
  # shellcheck disable=SC2086 # $become is several words, or none
  if [ -n "$room" ]; then $become rm -rf -- "$room"; fi
  version=$(python3 -I -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null </dev/null)
  reason=$(printf %s "$2" | tr '"\134' "'/" | tr -c ' -~' ' ')
  foretold=''
  if [ -n "$check" ] && [ "$1" = changed ]; then
    version=$(offered_version)
    foretold=', "foretold": "'$manager'", "offered": "'$version'"'
  fi
  printf '\n{"mngr_steps": [{"id": "bootstrap:python3", "status": "%s", "current": %s, "reason": "%s"}]%s}\n' \
    "$1" "${version:+\"}${version:-null}${version:+\"}" "$reason" "$foretold"
  [ "$1" != failed ]
  exit
}
has_python() { # with its library: Debian's python3-minimal, or python3 while it is being unpacked, has no json
  python3 -I -c 'import json, sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 </dev/null
}
has() { command -v "$1" >/dev/null 2>&1; }
find_manager() { # print the manager of the distribution's family, or the first that is installed
  case " $(sed -n 's/^ID\(_LIKE\)*=//p' /etc/os-release 2>/dev/null | tr '\n"-' '   ') " in
    *' debian '* | *' ubuntu '*) family=apt-get ;;
    *' fedora '* | *' rhel '* | *' centos '*) family=dnf ;;
    *' suse '* | *' opensuse '*) family=zypper ;;
    *' arch '*) family=pacman ;;
    *' alpine '*) family=apk ;;
    *) family='' ;;
  esac
  for program in $family apt-get dnf zypper pacman apk; do
    if has "$program"; then
      echo "${program%-get}"
      return
    fi
  done
}
is_locked() { # whether the manager failed because another program holds its lock
  case $output in
    *'ead-only file system'*) return 1 ;; # then nobody holds it
    *'E: Could not get lock'* | *'E: Unable to acquire'* | *'is locked by the application'* | *'already locked by'* | \
      *'nable to lock database'* | *'Waiting for process with pid '*) return 0 ;;
  esac
  return 1
}
lock_holder() { # print what holds the lock
  case $output in
    *'held by process '*) pid=${output##*held by process } ;;
    *'with pid '[0-9]*) pid=${output##*with pid } ;;
    *'already locked by '[0-9]*) pid=${output##*already locked by } ;;
    *) pid='' ;;
  esac
  pid=${pid%%[!0-9]*}
  echo "${pid:+process }${pid:-another program}"
}
run_as_root() { # COMMAND…: in a session of its own, stopped after $seconds, without questions; sets $output and $code
  # shellcheck disable=SC2086 # $become is several words, or none
  output=$($become /bin/sh -c "$session" sh timeout -k 30 "$seconds" env ${room:+APT_CONFIG="$room/settings.conf"} \
    APT_LISTBUGS_FRONTEND=none APT_LISTCHANGES_FRONTEND=none DEBIAN_FRONTEND=noninteractive LC_ALL=C NEEDRESTART_MODE=l \
    ZYPP_LOCK_TIMEOUT="$lock_seconds" "$@" </dev/null 2>&1)
  code=$?
  return "$code"
}
wait_for_lock() { # COMMAND…: run it as root, and again until no other program holds the lock, for $lock_seconds
  tries=$lock_seconds
  while ! run_as_root "$@" && [ "$tries" -gt 0 ] && is_locked; do
    case $output in *'Waiting for'*) break ;; esac # the manager has waited by itself
    sleep 1
    tries=$((tries - 1))
  done
  printf '%s\n' "$output" | tail -n 20 | sed -e 's|://[^/ ]*@|://|g' -e 's|\(://[^ ?]*\)?[^ ]*|\1|g' # no login, no query
  return "$code"
}
apt_get() {
  # shellcheck disable=SC2086 # $own is several words, or none; so everywhere below
  wait_for_lock apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout="$lock_seconds" -o Acquire::Retries=1 \
    -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 $own "$@"
}
# From now on, what the manager fetches is in a directory of its own, beside copies of the host's settings and sources.
rehearse() {
  room=$(TMPDIR=/tmp mktemp -d) || return 1
  case $manager in
    apt)
      mkdir -p "$room/lists/partial" "$room/cache/archives/partial" "$room/settings"
      cp -R /etc/apt/apt.conf.d/. "$room/settings/" 2>/dev/null
      cp /etc/apt/apt.conf "$room/settings/zzzy-main" 2>/dev/null
      echo '#clear APT::Update;' >"$room/settings/zzzz-rehearsal" # no program that the settings run after an update
      printf 'Dir::Etc::parts "%s/settings";\nDir::Etc::main "/dev/null";\n' "$room" >"$room/settings.conf"
      own="-o Dir::State::lists=$room/lists -o Dir::Cache=$room/cache"
      ;;
    dnf) own="--setopt=cachedir=$room/cache --setopt=system_cachedir=$room/cache --setopt=persistdir=$room/state" ;;
    zypper) own="--cache-dir $room/cache" ;;
    pacman) mkdir "$room/db" && ln -s /var/lib/pacman/local "$room/db/local" && own="--dbpath $room/db --logfile /dev/null" ;;
    apk) own="--cache-dir $room" ;;
  esac
}
# shellcheck disable=SC2086
refresh() { # fetch the lists of packages
  case $manager in
    apt) apt_get update ;;
    dnf) wait_for_lock dnf -y '--setopt=*.skip_if_unavailable=True' --setopt=exit_on_lock=True $own makecache --refresh ;;
    zypper) wait_for_lock zypper --non-interactive $own refresh ;;
    pacman) wait_for_lock pacman $own --sync --refresh --noconfirm ;;
    apk) wait_for_lock apk $own update ;;
  esac
}
# shellcheck disable=SC2086 # $only is one word, or none: the option to change nothing
install() {
  case $manager in
    apt) apt_get -y --no-install-recommends --no-remove $only install "$package" ;;
    dnf)
      wait_for_lock dnf -y '--setopt=*.skip_if_unavailable=True' --setopt=exit_on_lock=True $own $only \
        --setopt=install_weak_deps=False install "$package"
      ;;
    zypper)
      wait_for_lock zypper --non-interactive --no-refresh $own install --no-recommends --no-force-resolution $only \
        -- "$package"
      ;;
    pacman) wait_for_lock pacman $own --sync --needed --noconfirm --noprogressbar $only -- "$package" ;;
    apk) wait_for_lock apk $own add --no-interactive --wait "$lock_seconds" $only "$package" ;;
  esac
}
foretell() { # whether the manager could install python3, and print nothing: in check mode
  case $manager in
    apt) only=--simulate ;;
    dnf) only=--assumeno ;;
    zypper) only=--dry-run ;;
    pacman) only=--print ;;
    apk) only=--simulate ;;
  esac
  install >/dev/null
  case $output in *'Operation aborted'*) code=0 ;; esac
  only=''
  return "$code"
}
offered_version() { # print the version of python3 that the manager would install, as far as it says
  printf '%s\n' "$output" | sed -n -e 's/^Inst python3 (\([0-9.]*\).*/\1/p' \
    -e 's/^ *python3  *[^ ]*  *\([0-9][0-9.]*\)-.*/\1/p' -e 's/.*\/python-\([0-9][0-9.]*\)-.*/\1/p' | head -n 1
}
is_offered() { # false if the lists have to be fetched first; those of pacman only if there are none
  case $manager in
    apt) case $(apt-cache policy python3 2>/dev/null) in '' | *'Candidate: (none)'*) return 1 ;; esac ;;
    pacman) set -- /var/lib/pacman/sync/*.db && [ -e "$1" ] ;;
    zypper) set -- /var/cache/zypp/solv/*/solv && [ -e "$1" ] ;;
    apk) set -- /var/cache/apk/APKINDEX* /lib/apk/db/APKINDEX* && { [ -e "$1" ] || [ -e "${2:-}" ]; } ;;
  esac
}
may_refresh() { # whether newer lists may help: they were not fetched yet, and nothing is locked
  [ -z "$refreshed" ] && [ "$manager" != pacman ] && ! is_locked
}
command_line() { # print what an administrator would run
  case $manager in
    apt) echo "apt-get install -y $package" ;;
    dnf) echo "dnf install -y $package" ;;
    zypper) echo "zypper --non-interactive install $package" ;;
    pacman) echo "pacman -S --needed --noconfirm $package" ;;
    apk) echo "apk add $package" ;;
  esac
}
explain() { # print why installing failed and what to do, without a full stop at the end
  case $code:$manager in
    124:apt | 137:apt | 143:apt)
      echo "apt did not end within $seconds s and was stopped. Finish it on the host with: dpkg --configure -a"
      return
      ;;
    124:* | 137:* | 143:*)
      echo "$manager did not end within $seconds s and was stopped. Find out on the host what does not end, and run again"
      return
      ;;
  esac
  if is_locked; then
    echo "the package manager is locked by $(lock_holder). Run again when it is free"
    return
  fi
  case $output in
    *'dpkg was interrupted'*)
      echo 'an earlier installation was interrupted. Finish it on the host with: dpkg --configure -a' ;;
    *'ead-only file system'*)
      echo "the host's system is read-only. Install python3 as this system wants it (its image, a layer, a container)" ;;
    *'o space left'*) echo "the host's disk is full. Free some space and run again" ;;
    *'Unable to locate package'* | *'no installation candidate'* | *'No match for argument'* | \
      *'not found in package names'* | *'target not found'* | *'no such package'*)
      echo "$manager offers no $package. Check the host's package sources" ;;
    *'Failed to fetch'* | *'Unable to fetch'* | *'ailed to download'* | *'ailed retrieving'* | *'emporary error'*)
      echo "$manager could not fetch $package. Check the host's network and package sources" ;;
    *) echo "$manager failed with exit status $code. Read its output, fix the cause, and run again" ;;
  esac
}

if has_python; then finish ok ''; fi
manager=$(find_manager)
if [ "$manager" = pacman ]; then package=python; fi
if [ -z "$manager" ]; then
  finish failed \
    'Ansible needs Python 3.9 or newer, and this host has no package manager that we know. Install python3 there by hand'
fi
if [ "$(id -u)" != 0 ]; then
  if sudo -n true >/dev/null 2>&1 </dev/null; then
    become='sudo -n'
  elif doas -n true >/dev/null 2>&1 </dev/null; then
    become='doas -n'
  else
    finish failed \
      "the remote user is not root, and has no sudo without a password; an administrator must run: sudo $(command_line)"
  fi
fi
# BusyBox's setsid does not wait where it is the first of its group; in a subshell it never is.
# shellcheck disable=SC2016 # expanded by that sh
session='(exec setsid "$@"); exit $?'
refreshed=''
if [ -n "$check" ]; then
  if ! is_offered; then
    if ! rehearse; then finish changed ''; fi
    refresh
    refreshed=yes
  fi
  if ! foretell && may_refresh && rehearse; then
    refresh
    foretell
  fi
  case $(offered_version) in
    2.* | 3.[0-8] | 3.[0-8].*)
      finish failed "Ansible needs Python 3.9 or newer, and $manager offers only an older one. Install it by hand" ;;
  esac
  if [ "$code" = 0 ]; then finish changed ''; fi
  finish failed "$(explain)"
fi
if ! is_offered; then
  refresh
  refreshed=yes
fi
if ! install && may_refresh; then
  refresh
  install
fi
if has_python; then finish changed ''; fi
if [ "$code" = 0 ]; then
  finish failed "Ansible needs Python 3.9 or newer, and $manager offers only an older one. Install it by hand"
fi
finish failed "$(explain)"
