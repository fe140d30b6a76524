# Install python3 with the system's package manager where the host has none that Ansible can use. Plain sh, for
# /bin/sh -c; needs $seconds. Its last line is JSON: the outcome of the step bootstrap:python3. Exit status 0: it is there.
set -u
LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
prefix='' said='' code=0 name=python3

settle() { # STATUS REASON
  version=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null </dev/null)
  reason=$(printf %s "$2" | tr '"\\' "'/" | tr -c ' -~' ' ')
  printf '\n{"mngr_steps": [{"id": "bootstrap:python3", "status": "%s", "current": %s, "reason": "%s"}]}\n' \
    "$1" "${version:+\"}${version:-null}${version:+\"}" "$reason"
  [ "$1" != failed ]
  exit
}
is_there() { # all of it: Debian's python3-minimal, or python3 while it is being unpacked, has no json
  python3 -c 'import json, sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 </dev/null
}
has() { command -v "$1" >/dev/null 2>&1; }
the_manager() { # that of the distribution's family, else the first that is there
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
patient() { # COMMAND…: until nobody else holds the lock, which not every manager waits for by itself
  patience=60
  while ! once "$@" && [ "$patience" -gt 0 ]; do
    case $said in
      *'Waiting for'*) break ;;
      *'Could not get lock'* | *'is locked by the application'* | *'already locked by'* | *'nable to lock database'*) sleep 1 ;;
      *) break ;;
    esac
    patience=$((patience - 1))
  done
  printf '%s\n' "$said" | tail -n 20
  return "$code"
}
once() { # COMMAND…: as root, in a session of its own, bounded on this host, without questions
  said=$($prefix $session timeout -k 30 "$seconds" env DEBIAN_FRONTEND=noninteractive LC_ALL=C NEEDRESTART_MODE=l \
    ZYPP_LOCK_TIMEOUT=60 "$@" </dev/null 2>&1)
  code=$?
  return "$code"
}
apt_get() {
  patient apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=60 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
    -o Acquire::https::Timeout=20 "$@"
}
refresh() {
  case $manager in
    apt) apt_get update ;;
    dnf) patient dnf -y '--setopt=*.skip_if_unavailable=True' --setopt=exit_on_lock=True makecache --refresh ;;
    zypper) patient zypper --non-interactive refresh ;;
    pacman) patient pacman --sync --refresh --noconfirm ;;
    apk) patient apk update ;;
  esac
}
install() {
  case $manager in
    apt) apt_get -y --no-install-recommends --no-remove install "$name" ;;
    dnf)
      patient dnf -y '--setopt=*.skip_if_unavailable=True' --setopt=exit_on_lock=True \
        --setopt=install_weak_deps=False install "$name"
      ;;
    zypper) patient zypper --non-interactive --no-refresh install --no-recommends --no-force-resolution -- "$name" ;;
    pacman) patient pacman --sync --needed --noconfirm --noprogressbar -- "$name" ;;
    apk) patient apk add --no-interactive --wait 60 "$name" ;;
  esac
}
is_offered() { # False where the lists have to be fetched first; pacman's, only when there are none
  case $manager in
    apt) case $(apt-cache policy python3 2>/dev/null) in '' | *'Candidate: (none)'*) return 1 ;; esac ;;
    pacman) set -- /var/lib/pacman/sync/*.db && [ -e "$1" ] ;;
    zypper) set -- /var/cache/zypp/solv/*/solv && [ -e "$1" ] ;;
    apk) set -- /var/cache/apk/APKINDEX* /lib/apk/db/APKINDEX* && { [ -e "$1" ] || [ -e "${2:-}" ]; } ;;
  esac
}
may_refresh() { # newer lists help against no lock
  case $said in
    *'E: Could not get lock'* | *'E: Unable to acquire'* | *'is locked by the application'* | *'already locked by'* | \
      *'nable to lock database'*) return 1 ;;
  esac
  [ -z "$refreshed" ] && [ "$manager" != pacman ]
}
command_line() {
  case $manager in
    apt) echo "apt-get install -y $name" ;;
    dnf) echo "dnf install -y $name" ;;
    zypper) echo "zypper --non-interactive install $name" ;;
    pacman) echo "pacman -S --needed --noconfirm $name" ;;
    apk) echo "apk add $name" ;;
  esac
}
finish='See what hangs there, and run again'
why() {
  if [ "$manager" = apt ]; then finish='Finish it on the host with: dpkg --configure -a'; fi
  case $code:$said in
    124:* | 137:* | 143:*) echo "$manager did not end within $seconds s and was stopped. $finish" ;;
    *'held by process '*'E: Could not get lock'* | *'E: Could not get lock'*'held by process '* | *'held by process '*'E: Unable to acquire'*) said=${said##*held by process } && echo "the package manager is locked by process ${said%%[!0-9]*}. Run again when it is free" ;;
    *'with pid '[0-9]*) said=${said##*with pid } && echo "the package manager is locked by process ${said%%[!0-9]*}. Run again when it is free" ;;
    *'already locked by '[0-9]*) said=${said##*already locked by } && echo "the package manager is locked by process ${said%%[!0-9]*}. Run again when it is free" ;;
    *'Could not get lock'* | *'nable to lock database'*) echo 'the package manager is locked by another program. Run again when it is free' ;;
    *'dpkg was interrupted'*) echo 'an earlier installation was interrupted. Finish it on the host with: dpkg --configure -a' ;;
    *'o space left'*) echo "the host's disk is full. Make room there and run again" ;;
    *'Unable to locate package'* | *'no installation candidate'* | *'No match for argument'* | *'not found in package names'* | \
      *'target not found'* | *'no such package'*) echo "$manager offers no $name. Check the host's package sources" ;;
    *'Failed to fetch'* | *'Unable to fetch'* | *'ailed to download'* | *'ailed retrieving'* | *'emporary error'*)
      echo "$manager could not fetch $name. Check the host's network and package sources" ;;
    *) echo "$manager failed with exit status $code. See what it said, and run again" ;;
  esac
}

if is_there; then settle ok ''; fi
manager=$(the_manager)
if [ "$manager" = pacman ]; then name=python; fi
if [ -z "$manager" ]; then
  settle failed 'Ansible needs Python 3.9 or newer, and this host has no package manager that we know. Install python3 there by hand'
fi
if [ "$(id -u)" != 0 ]; then
  if sudo -n true >/dev/null 2>&1 </dev/null; then prefix='sudo -n'
  elif doas -n true >/dev/null 2>&1 </dev/null; then prefix='doas -n'
  else settle failed "the login is not root, and has no sudo without a password; an administrator must run: sudo $(command_line)"
  fi
fi
session='setsid -w'
if ! setsid -w true 2>/dev/null; then session=setsid; fi
refreshed=''
if ! is_offered; then refresh; refreshed=yes; fi
if ! install && may_refresh; then
  refresh
  install
fi
if is_there; then settle changed ''; fi
if [ "$code" = 0 ]; then
  settle failed "Ansible needs Python 3.9 or newer, and $manager offers only an older one. Install it by hand"
fi
settle failed "$(why)"
