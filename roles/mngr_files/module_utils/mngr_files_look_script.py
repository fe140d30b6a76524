"""The sh with which check mode looks at a host without Python; :mod:`mngr_files_look` has its questions and answers.

Nothing in it changes the host. It runs on every sh, also busybox's.
"""

BEGIN = """\
LC_ALL=C PATH=$PATH:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin
if [ "$(PATH=/usr/bin:/bin:$PATH id -u)" = 0 ]; then
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
fi
export LC_ALL PATH
if command -v sha256sum >/dev/null 2>&1; then SUM=sha256sum; else SUM='shasum -a 256'; fi
if timeout -s KILL 9 true 2>/dev/null; then BOUND='timeout -s KILL'; else BOUND='nice -n'; fi # both take a number
last=''
whose() {
  ls -ldn "$1" 2>/dev/null | { read -r _ _ uid _ && printf %s "$uid"; }
  ls -ld "$1" 2>/dev/null | { read -r _ _ user _ && printf ':%s' "$user"; }
}
way() { # whose links are on the way to an existing directory, and whose directories it is in
  at='' rest=${2#/}/ linked='' count=0
  while [ -n "$rest" ] && [ $((count += 1)) -lt 4096 ]; do
    name=${rest%%/*} rest=${rest#*/}
    case $name in
    '' | .) ;;
    ..) at=${at%/*} ;;
    *)
      if [ -L "$at/$name" ]; then
        echo "link $1 $(whose "$at/$name") $(whose "${at:-/}") $(printf %s "$at/$name" | tr '\\n' ' ')"
        target=$(readlink "$at/$name") linked=y
        rest=$target/$rest
        case $target in /*) at='' ;; esac
      else at=$at/$name; fi
      ;;
    esac
  done
  [ -n "$linked" ] || return 0
  real=$(printf %s "${at:-/}" | tr '\\n' ' ') owners=$(whose "${at:-/}")
  while [ -n "$at" ]; do at=${at%/*} owners="$owners $(whose "${at:-/}")"; done
  echo "real $1 ${#real} $real $owners"
}
state() {
  ls -ldn "$1" 2>/dev/null | { read -r bits _ uid gid size _ && printf '%s %s %s %s' "$bits" "$uid" "$gid" "$size"; }
}
first_word() { read -r word _ && printf %s "$word"; }
look() {
  above=${3%/*}
  if [ -L "$3" ]; then
    if [ -d "$3" ]; then kind=L; else kind=l; fi
    printf '%s %s %s %s\\n' "$1" $kind "$(state "$3")" "$(readlink "$3" | $SUM | first_word)"
    echo "target $1 $(readlink "$3" | tr '\\n' ' ')"
  elif [ -f "$3" ]; then
    digest=-
    found=$(state "$3")
    if [ "${found##* }" = "$2" ] && [ -r "$3" ]; then
      digest=$($BOUND 300 sh -c "exec $SUM"' <"$1"' sh "$3" | first_word) || digest=-
    fi
    printf '%s f %s %s\\n' "$1" "$found" "$digest"
  elif [ -d "$3" ]; then printf '%s d %s -\\n' "$1" "$(state "$3")"
  elif [ -e "$3" ]; then printf '%s o - - - - -\\n' "$1"
  else
    while [ -n "$above" ] && [ ! -e "$above" ] && [ ! -L "$above" ]; do above=${above%/*}; done
    kind=x
    if [ -d "${above:-/}" ]; then kind=n; elif [ -L "$above" ]; then kind=y; fi
    printf '%s %s - - - - %s\\n' "$1" $kind "${#above}"
  fi
  while [ ! -d "${above:-/}" ]; do above=${above%/*}; done
  if [ "${above:-/}" != "$last" ]; then
    last=${above:-/} place=r
    if [ -w "$last" ]; then place=w; fi
    place="$place ${#above} $(state "${last%/}/.")"
    way "$1" "$last"
  fi
  echo "$1 $place"
  if [ -n "$4" ]; then
    ls -ld "$3" 2>/dev/null | { read -r _ _ user group _ && echo "names $1 $user $group"; } || :
  fi
}
name_of() { sed -n "s/^\\([^:]*\\):[^:]*:$2:.*/\\1/p" "/etc/$1" 2>/dev/null | head -n 1; }
user() { id=$(id -u "$2" 2>/dev/null) || id=-; echo "user $1 $id $(name_of passwd "$2")"; }
group() {
  id=$(sed -n "s/^$2:[^:]*:\\([0-9]*\\):.*/\\1/p" /etc/group | head -n 1)
  echo "group $1 ${id:--} $(name_of group "$2")"
}
text() { # it is asked of the open file whether all may read it: another one may be there by now
  shown=$($BOUND 20 sh -c 'exec 3<"$1"; case $(ls -ldLn /proc/self/fd/3) in -??????r*) exec base64 <&3 ;; esac' sh "$2")
  echo "text $1 $(printf %s "$shown" | tr -d '\\n')"
}
found() {
  word=$1 number=$2
  shift 2
  find . -xdev "$@" -print0 2>/dev/null | tr '\\n\\000' '\\000\\n' | sed "s/^/$word $number /"
}
homes() { sed -n 's/^[^:]*:[^:]*:\\([0-9]*\\):[^:]*:[^:]*:\\(\\/[^:]*\\):.*/home_of \\1 \\2/p' /etc/passwd; }
below() {
  [ ! -L "$2" ] || return 0
  (cd "$2" 2>/dev/null && found below "$1" && found within "$1" -type d)
  [ "$(id -u)" != 0 ] || homes
}
"""
HAS_PYTHON = """\
python3 -I -c 'import json, sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1 </dev/null && exit 99
printf 'home %s\\n' "${HOME%/}"
echo "person $(id -u) $(id -G)"
"""
"""Ends with 99 where there is a Python that Ansible can use: then that is not what is missing."""
END = ":"
"""The end of every script: up to ansible-core 2.18, Ansible adds ``&& sleep 0`` to its last line."""
