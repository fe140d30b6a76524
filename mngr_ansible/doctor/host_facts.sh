#!/bin/sh
# Asks a host what "doctor" wants to know besides the probe (host/probe.sh): read-only, without temporary files, under any
# POSIX sh, without Python on the host. Every line is a word and what belongs to it; host_facts.py reads them.
#
# A template (host/templates.py): @NAME@ is a value. Comments are not sent.

say() { printf '%s %s\n' "$1" "$2"; }

# COMMAND…: run it for a few seconds at most: a dead network file system holds df for ever.
soon() {
  if [ -n "$bound" ]; then timeout -k 1 "$bound" "$@"; else "$@"; fi
}

# Login and query of an address stay on the host.
without_login() { sed -e 's|//.*@|//|' -e 's/[?#].*//'; }

ask_time() { say "$1" "$(date +%s)"; }

ask_login() {
  s=''
  if command -v getent >/dev/null 2>&1; then s=$(getent passwd "$(id -un)"); fi
  s=${s##*:}
  say shell "${s:-$SHELL}"
  for n in http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY; do
    eval "v=\${$n-}"
    if [ -n "$v" ]; then
      case $v in *://*) ;; *) v=http://$v ;; esac
      say proxy "$n $(printf '%s\n' "$v" | without_login)"
    fi
  done
  for n in PIP_REQUIRE_VIRTUALENV UV_EXCLUDE_NEWER; do
    eval "v=\${$n-}"
    if [ -n "$v" ]; then say setting "$n $v"; fi
  done
}

# PLACE DIRECTORY: space, inodes and mount of the file system on which it is, or its nearest directory above.
ask_place() {
  d=$2
  while [ ! -e "$d" ] && [ "$d" != / ]; do d=${d%/*} d=${d:-/}; done
  soon df -Pk "$d" | sed -n 2p | if read -r _ _ _ free _ m; then
    say space "$1 $free $m"
    o=''
    if [ -r /proc/mounts ]; then
      while read -r _ at kind options _; do
        if [ "$at" = "$m" ]; then o="$kind $options"; fi
      done </proc/mounts
    fi
    if [ -n "$o" ]; then say mount "$1 $o"; fi
  fi
  soon df -Pi "$d" | sed -n 2p | if read -r _ all _ free _; then say inodes "$1 $all $free"; fi
  if [ -w "$2" ]; then say writable "$1"; elif [ -e "$2" ]; then say closed "$1"; else say missing "$1"; fi
}

# PID FILE: somebody who lives holds this lock.
held() {
  case $1 in '' | *[!0-9]*) return ;; esac
  if [ -d "/proc/$1" ]; then
    n=''
    read -r n <"/proc/$1/comm"
    say lock "$1 $2 $n"
  fi
}

# The kernel's list of locks names a file by its inode. Source: proc(5), "/proc/locks".
ask_locks() {
  for f in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock \
    /var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock /run/dnf/rpmtransaction.lock /lib/apk/db/lock; do
    if [ -e "$f" ] && [ -r /proc/locks ]; then
      # shellcheck disable=SC2012  # its number is wanted, which stands before the name
      i=$(ls -i "$f" | { read -r i _; echo "$i"; })
      # shellcheck disable=SC2013  # numbers
      for p in $(sed -n "s/^[0-9]*: [A-Z]* *[A-Z]* *[A-Z]* *\([0-9][0-9]*\) [0-9a-f:]*:$i [0-9].*/\1/p" /proc/locks); do
        held "$p" "$f"
      done
    fi
  done
  for f in /run/zypp.pid /var/cache/dnf/metadata_lock.pid /var/lib/dnf/rpmdb_lock.pid /run/yum.pid; do
    if [ -r "$f" ]; then
      read -r p <"$f"
      held "$p" "$f"
    fi
  done
  if [ -e /var/lib/pacman/db.lck ]; then
    p=''
    for c in /proc/[0-9]*/comm; do
      read -r n <"$c"
      case $n in pacman | pamac* | yay | paru) p=${c#/proc/} p=${p%/comm} ;; esac
    done
    if [ -n "$p" ]; then held "$p" /var/lib/pacman/db.lck; else say stale /var/lib/pacman/db.lck; fi
  fi
  if [ -d /run/cloud-init ] && [ ! -e /run/cloud-init/result.json ]; then say firstboot cloud-init; fi
}

ask_packages() {
  if [ -d /var/lib/dpkg/updates ]; then
    for f in /var/lib/dpkg/updates/*; do
      case ${f##*/} in *[!0-9]*) ;; *) say interrupted dpkg; break ;; esac
    done
  fi
  if [ -r /var/lib/dpkg/status ]; then
    sed -n -e '/^Package: /h' -e '/^Status: hold /{g;s/^Package:/hold/p;}' \
      -e '/^Status: [a-z]* [a-z]* \(half-\|unpacked\)/{g;s/^Package:/unfinished/p;}' /var/lib/dpkg/status | head -n 40
  fi
}

ask_language_tools() {
  for f in /usr/lib/python3*/EXTERNALLY-MANAGED /usr/lib64/python3*/EXTERNALLY-MANAGED; do
    if [ -e "$f" ] && command -v pip3 >/dev/null 2>&1; then say setting "externally-managed $f"; break; fi
  done
  c=${XDG_CONFIG_HOME:-$HOME/.config}
  for f in "$c/pip/pip.conf" "$HOME/.pip/pip.conf" /etc/pip.conf /etc/xdg/pip/pip.conf; do
    if [ -r "$f" ] && grep -qiE '^[[:space:]]*require-virtualenv[[:space:]]*=[[:space:]]*(true|yes|on|1)' "$f"; then
      say setting "require-virtualenv $f"
    fi
  done
  for f in "$HOME/.npmrc" /etc/npmrc /usr/etc/npmrc /usr/local/etc/npmrc; do
    if [ -r "$f" ] && grep -qE '^[[:space:]]*(min-release-age|before)[[:space:]]*=' "$f"; then
      say setting "npm-age $f"
    fi
  done
  for f in "$c/uv/uv.toml" /etc/uv/uv.toml; do
    if [ -r "$f" ] && grep -qE '^[[:space:]]*exclude-newer[[:space:]]*=' "$f"; then say setting "uv-age $f"; fi
  done
}

# MANAGER: read addresses from stdin, and say each server, or directory, once: scheme and authority are enough. A
# password may have any character; an address of which it is not clear where its login ends is left out.
sites() {
  sed -n -e '/^file:\//b path' -e '/^copy:\//b path' -e '/^dir:\//b path' \
    -e 's#^\([a-z+]*://\)[^/:]*:[^/]*[^/0-9][^/]*/.*@#\1#' -e 's#^\([a-z+]*://\)[^/]*@#\1#' \
    -e '/^[a-z+]*:\/\/[^/]*\/.*[^/]@/d' \
    -e 's#^\([a-z+]*://\)\([^]/?$ :@[]*\(:[0-9]\{1,5\}\)\{0,1\}\)\([/?].*\)\{0,1\}$#\1\2#p;t' \
    -e 's#^\([a-z+]*://\[[0-9a-fA-F:.]*]\(:[0-9]\{1,5\}\)\{0,1\}\)\([/?].*\)\{0,1\}$#\1#p' -e b \
    -e ': path' -e 's#/dists/.*##' -e 's#/\./[^/]*$##' -e p |
    sort -u | head -n 20 | while read -r u; do say site "$1 $u"; done
}

# FILE…: the address of each repository in files of dnf and zypper that is enabled; the first one, where it has several.
repositories() {
  cat "$@" | {
    on=1 address=''
    while IFS= read -r l; do
      case $l in
        '['*)
          if [ -n "$on$address" ]; then printf '%s\n' "${on:+$address}"; fi
          on=1 address=''
          ;;
        enabled*=*[0Ff]*) on='' ;;
        baseurl*=* | mirrorlist*=* | metalink*=*) if [ -z "$address" ]; then address=${l#*=}; fi ;;
      esac
    done
    printf '%s\n' "${on:+$address}"
  } | sed -e 's/^[[:space:]]*//' -e 's/[[:space:]].*//' -e 's/,[a-z]*:.*//' -e 's/,$//'
}

has() { command -v "$1" >/dev/null 2>&1; }

ask_sites() {
  if has apt-get; then
    if a=$(apt-get -q -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= --print-uris update 2>&1); then
      printf '%s\n' "$a" | sed -n "s/^'\([^']*\)'.*/\1/p" | sed -e 's#^mirror+##' -e 's#^tor+##' | sites apt
    else
      say broken "apt $(printf '%s\n' "$a" | sed -n '/^E: /{p;q;}' | without_login)"
    fi
    for n in http https; do
      v=$(apt-config shell v "Acquire::$n::Proxy" | sed -n "s/^v='\(.*\)'$/\1/p")
      if [ -n "$v" ]; then
        say aptproxy "$n $(printf '%s\n' "$v" | without_login)"
        eval "apt_$n=\$v"
      fi
    done
  fi
  if has dnf || has yum; then repositories /etc/yum.repos.d/*.repo | sites dnf; fi
  if has zypper; then repositories /etc/zypp/repos.d/*.repo | sites zypper; fi
  if has pacman; then
    sed -n 's/^[[:space:]]*Server[[:space:]]*=[[:space:]]*//p' /etc/pacman.conf /etc/pacman.d/mirrorlist | head -n 3 |
      sites pacman
  fi
  if has apk && [ -r /etc/apk/repositories ]; then sed 's/^@[^ ]* //' /etc/apk/repositories | sites apk; fi
  if has npm; then
    r=$(cat "$HOME/.npmrc" /etc/npmrc /usr/etc/npmrc | sed -n 's/^registry[[:space:]]*=[[:space:]]*//p' | head -n 1)
    printf '%s\n' "${r:-https://registry.npmjs.org}" | sites npm
  fi
  if has pip3 || has uv || has pipx; then
    c=${XDG_CONFIG_HOME:-$HOME/.config}
    r=${PIP_INDEX_URL:-${UV_DEFAULT_INDEX:-${UV_INDEX_URL-}}}
    if [ -z "$r" ]; then
      r=$(cat "$c/pip/pip.conf" "$HOME/.pip/pip.conf" /etc/pip.conf | sed -n 's/^index-url[[:space:]]*=[[:space:]]*//p' |
        head -n 1)
    fi
    printf '%s\n' "${r:-https://pypi.org}" | sites python
  fi
}

# SITE: ask its server for anything, with what the host has; says "reach SITE TOOL CODE WORDS".
try() {
  case $1 in
    file:* | copy:* | dir:*)
      p=${1#*:} p=/${p#"${p%%[!/]*}"}
      if [ -e "$p" ]; then say reach "$1 file 0 there"; else say reach "$1 file 1 it does not exist"; fi
      return
      ;;
    http://* | https://*) ;;
    *) say reach "$1 other 0 not asked"; return ;;
  esac
  tool=none code=0 words=''
  if has curl; then
    tool=curl
    words=$(soon curl -q -sS -I -o /dev/null --connect-timeout 8 -m "$patience" -w 'status %{http_code}' "$1/" 2>&1)
    code=$?
  elif has wget; then
    tool=wget more='-t 1'
    case $(wget --help 2>&1) in *BusyBox*) more='' ;; esac
    # shellcheck disable=SC2086  # two words, or none
    words=$(soon wget -S --spider -T 8 $more "$1/" 2>&1)
    code=$?
  elif has python3; then
    tool=python
    words=$(soon python3 -I -c 'import sys, urllib.error, urllib.request
request = urllib.request.Request(sys.argv[1], method="HEAD")
try:
    print("status", urllib.request.urlopen(request, timeout=8).status)
except urllib.error.HTTPError as error:
    print("status", error.code)
except Exception as error:
    sys.exit(str(error))' "$1/" 2>&1)
    code=$?
  elif has bash && [ -n "$bound" ]; then
    tool=bash
    h=${1#*://} p=80
    case $1 in https:*) p=443 ;; esac
    case $h in *:*) p=${h##*:} h=${h%:*} ;; esac
    # shellcheck disable=SC2016  # words of the inner shell
    words=$(soon bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$h" "$p" 2>&1)
    code=$?
  fi
  say reach "$1 $tool $code $(printf '%s\n' "$words" | without_login | tr '\n\r' '  ' | cut -c 1-600)"
}

# MANAGER SITE…: with the proxies that the manager has when it installs. sudo keeps those of the login from root.
reach() {
  case $1 in
    python | npm | user) ;;
    *)
      if [ "$(id -u)" != 0 ]; then
        unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
      fi
      ;;
  esac
  if [ "$1" = apt ]; then
    if [ -n "$apt_http" ]; then http_proxy=$apt_http; export http_proxy; fi
    if [ -n "$apt_https" ]; then https_proxy=$apt_https; export https_proxy; fi
    if [ "$apt_http" = DIRECT ]; then unset http_proxy; fi
    if [ "$apt_https" = DIRECT ]; then unset https_proxy; fi
  fi
  try "$2"
}

main() {
  LC_ALL=C
  export LC_ALL
  PATH=$PATH:/usr/sbin:/sbin
  bound='' patience=10 apt_http='' apt_https=''
  if timeout -k 1 1 true >/dev/null 2>&1; then bound=12; fi
  ask_time begin
  ask_login
  ask_place home "$HOME"
  ask_place tmp /tmp
  ask_place system /usr
  ask_place cache /var/cache
  if [ -r /proc/meminfo ]; then
    say memory "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
  fi
  ask_locks
  ask_packages
  ask_language_tools
  # What is found is both said and tried: all servers at the same time.
  s=$(ask_sites; echo "apt_http=$apt_http"; echo "apt_https=$apt_https")
  apt_http=$(printf '%s\n' "$s" | sed -n 's/^apt_http=//p') apt_https=$(printf '%s\n' "$s" | sed -n 's/^apt_https=//p')
  s=$(printf '%s\n' "$s" | sed '/^apt_https*=/d')
  printf '%s\n' "$s"
  {
    printf '%s\n' "$s" | sed -n 's/^site //p'
    printf '%s\n' @ASKED@
  } | {
    while read -r manager site _; do
      if [ -n "$site" ]; then (reach "$manager" "$site") & fi
    done
    wait
  }
  ask_time end
}

# The whole script is read before anything runs: no program takes its rest for input.
main </dev/null 2>/dev/null
