# Install python3 with apt where the host has none that Ansible can use. Plain sh, for /bin/sh -c; needs $seconds.
# Its last line is JSON: the outcome of the step bootstrap:python3. Exit status 0: a python3 is there.
set -u
LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL PATH
prefix='' said=''

settle() { # STATUS REASON
  version=$(python3 -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null </dev/null)
  reason=$(printf %s "$2" | tr '"\\' "'/" | tr -c ' -~' ' ')
  printf '\n{"mngr_steps": [{"id": "bootstrap:python3", "status": "%s", "current": %s, "reason": "%s"}]}\n' \
    "$1" "${version:+\"}${version:-null}${version:+\"}" "$reason"
  [ "$1" != failed ]
  exit
}
is_there() {
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 </dev/null
}
apt() { # ARGUMENT…: until nobody else holds the lock of the lists, for which apt does not wait
  patience=60
  while ! once "$@" && [ "$patience" -gt 0 ]; do
    case $said in *Waiting\ for*) break ;; *'Could not get lock'*) sleep 1 ;; *) break ;; esac
    patience=$((patience - 1))
  done
  printf '%s\n' "$said" | tail -n 20
  return "$code"
}
once() { # ARGUMENT…: as root, bounded on this host, without questions
  said=$($prefix setsid -w timeout -k 30 "$seconds" env DEBIAN_FRONTEND=noninteractive LC_ALL=C NEEDRESTART_MODE=l \
    apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=60 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 \
    "$@" </dev/null 2>&1)
  code=$?
  return "$code"
}
install() {
  apt -y --no-install-recommends --no-remove install python3
}
is_offered() {
  case $(apt-cache policy python3 2>/dev/null) in '' | *'Candidate: (none)'*) return 1 ;; esac
}
why() {
  case $code:$said in
    124:* | 137:*) echo "apt did not end within $seconds s and was stopped. Finish it on the host with: dpkg --configure -a" ;;
    *'held by process '*) said=${said##*held by process } && echo "the package manager is locked by process ${said%%[!0-9]*}. Run again when it is free" ;;
    *'dpkg was interrupted'*) echo 'an earlier installation was interrupted. Finish it on the host with: dpkg --configure -a' ;;
    *'No space left'*) echo "the host's disk is full. Make room there and run again" ;;
    *'Unable to locate package'* | *'no installation candidate'*) echo "apt offers no python3. Check the host's package sources" ;;
    *'Failed to fetch'* | *'Unable to fetch'*) echo "apt could not fetch python3. Check the host's network and package sources" ;;
    *) echo "apt failed with exit status $code. See what it said, and run again" ;;
  esac
}

if is_there; then settle ok ''; fi
if ! command -v apt-get >/dev/null 2>&1; then
  settle failed 'Ansible needs Python 3.9 or newer, and this host has no apt. Install python3 there by hand'
fi
if [ "$(id -u)" != 0 ]; then
  if sudo -n true >/dev/null 2>&1 </dev/null; then prefix='sudo -n'
  elif doas -n true >/dev/null 2>&1 </dev/null; then prefix='doas -n'
  else settle failed 'the login is not root, and has no sudo without a password; an administrator must run: sudo apt-get install -y python3'
  fi
fi
refreshed=''
if ! is_offered; then apt update; refreshed=yes; fi
if ! install && [ -z "$refreshed" ]; then
  apt update
  install
fi
if is_there; then settle changed ''; fi
if [ "$code" = 0 ]; then
  settle failed 'Ansible needs Python 3.9 or newer, and apt offers only an older one. Install it by hand'
fi
settle failed "$(why)"
