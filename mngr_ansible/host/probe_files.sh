#!/bin/sh
# Functions of probe.sh that look at files. The remote user runs them, and root too, where root must look. They print;
# none follows a link at a destination.

# PATH…: one letter for each path, in one line; L is a link to a directory.
kinds() {
  for p do
    if [ -L "$p" ]; then if [ -d "$p" ]; then printf L; else printf l; fi
    elif [ -f "$p" ]; then if [ -r "$p" ]; then printf f; else printf u; fi
    elif [ -d "$p" ]; then printf d
    elif [ -e "$p" ]; then printf o
    else printf n
    fi
  done
  echo
}

# Before all others. END: when the probe has to end, in seconds since 1970. BOUND and a number of seconds go before a
# command that opens what is at a path: somebody may have put a fifo, a device or an endless file there meanwhile.
# STAT takes a format: STATE for a path, OWNED for one on the way to others.
# STEPS: how many names are looked at where links lead. STEPPED: the directories among them, for each who.
choose_tools() {
  STEPS=2000 STEPPED=:
  if command -v sha256sum >/dev/null 2>&1; then SUM=sha256sum; else SUM='shasum -a 256'; fi
  STAT='stat -c' STATE='mode %a:%u:%g:%s' OWNED='node %a:%u:%U' BOUND='timeout -s KILL'
  if timeout -s KILL 9 stat -c %a / >/dev/null 2>&1; then return; fi
  if ! stat -c %a / >/dev/null 2>&1; then STAT='stat -f' STATE='mode %Lp:%u:%g:%z' OWNED='node %Lp:%u:%Su'; fi
  if timeout -s KILL 9 true; then return
  elif timeout -s KILL -t 9 true; then BOUND='timeout -s KILL -t'
  elif perl -e 1; then BOUND='perl -e alarm(shift);exec(@ARGV)'
  else BOUND='nice -n'; fi # no bound; it takes a number too
}

# A DIVISOR: this part of the seconds that are left, at least one.
seconds_left() {
  left=$(((END-$(date +%s))/$1))
  if [ "$left" -lt 1 ]; then left=1; fi
}

# PATH…: whether these surely fit into one command line.
few() { [ $# -le 100 ]; }

# $SUM, $STAT and $BOUND are several words.
# shellcheck disable=SC2086
modes() {
  if few "$@"; then $BOUND $left $STAT "$STATE" -- "$@"
  else printf '%s\0' "$@" | xargs -0 -r $BOUND $left $STAT "$STATE" --; fi 2>/dev/null
}

# PATH…: set bytes to the sizes in $states, all together.
count_bytes() {
  bytes=0
  if few "$@"; then
    for state in $states; do case $state in *:*) bytes=$((bytes+${state##*:})) ;; esac; done
  else bytes=$(printf '%s\n' "$states" | awk -F: '{ s += $4 } END { printf "%.0f", s }'); fi
}

# PATH…: a line for each that is a file according to $letters, with "-" for one that cannot be read any more. All at
# once, as long as that may take for the bytes in $states; then one by one, which ends what only one of them prevents.
# shellcheck disable=SC2086
hashes() {
  count_bytes "$@"
  if [ "$bytes" -ge 4000000 ]; then seconds_left 2; fi
  most=$((5+bytes/200000000))
  if [ "$most" -ge 5 ] && [ "$most" -lt "$left" ]; then left=$most; fi
  case $letters in
    *[!f]*) files=$(printf %s "$letters" | tr -dc f) files=${#files} ;;
    *) files=$# ;;
  esac
  if [ "$files" = 0 ]; then return; fi
  # It uses what the processor has for this, and takes a third of the time; but it starts more slowly.
  sum="$SUM --"
  if [ "$bytes" -ge 4000000 ] && command -v openssl >/dev/null; then sum='openssl dgst -sha256 -r'; fi
  if sums=$(
    if [ "$files" != $# ]; then only_files "$@" | xargs -0 -r $BOUND $left $sum
    elif few "$@"; then $BOUND $left $sum "$@"
    else printf '%s\0' "$@" | xargs -0 -r $BOUND $left $sum; fi 2>/dev/null | awk -v files="$files" '
      { sub(/^\\/, ""); sub(/[^0-9a-f].*/, ""); print "hash " $0 }
      END { exit NR != files }'
  ); then printf '%s\n' "$sums"
  else hashes_one_by_one "$@"; fi
}

# PATH…: those that are files according to $letters, each followed by NUL.
only_files() {
  rest=$letters
  for p do
    case $rest in f*) if [ -f "$p" ] && [ ! -L "$p" ]; then printf '%s\0' "$p"; fi ;; esac
    rest=${rest#?}
  done
}

# The same; also for names that sha256sum escapes.
# shellcheck disable=SC2086
hashes_one_by_one() {
  rest=$letters
  for p do
    case $rest in
      f*)
        sum=
        if [ -f "$p" ] && [ ! -L "$p" ] && [ "$(date +%s)" -lt "$END" ]; then
          seconds_left 2
          sum=$($BOUND $left $SUM -- "$p" 2>/dev/null | sed -n -e '1s/^\\//' -e '1s/^\([0-9a-f]*\).*/\1/p')
        fi
        echo "hash ${sum:--}"
        ;;
    esac
    rest=${rest#?}
  done
}

# PATH…: a line for each that is a link according to $letters; with "-" for one that is none any more, or is too late.
links() {
  rest=$letters number=0 late=
  for p do
    case $rest in
      [lL]*)
        number=$((number + 1))
        case $number in *00) if [ "$(date +%s)" -ge "$END" ]; then late=1; fi ;; esac
        if [ -z "$late" ] && [ -L "$p" ]; then readlink "$p" | $SUM | sed 's/^\([0-9a-f]*\).*/link \1/'
        else echo 'link -'; fi
        ;;
    esac
    rest=${rest#?}
  done
}

# HASHING PATH…: everything about the paths of one group; HASHING is hashes, hashes_one_by_one or : (nothing).
look() {
  hashing=$1
  shift
  letters=$(kinds "$@")
  echo "kinds $letters"
  seconds_left 2
  states=$(modes "$@")
  case $states in ?*) printf '%s\n' "$states" ;; esac
  case $letters in *[lL]*) links "$@" ;; esac
  $hashing "$@"
  if [ "$hashing" = hashes ]; then protected "$@"; fi
}

# PATH…: those of the files that chattr protects, also from root: i is immutable, a append-only.
# shellcheck disable=SC2086
protected() {
  case $letters in *f*) ;; *) return ;; esac
  if ! command -v lsattr >/dev/null; then return; fi
  attributes=$(
    if few "$@" && case $letters in *[!f]*) false ;; esac; then $BOUND $left lsattr -d -- "$@"
    else only_files "$@" | xargs -0 -r $BOUND $left lsattr -d --; fi 2>/dev/null | sed -n -e 's/^ *[^ ]*i[^ ]* /i /p' -e t -e 's/^ *[^ ]*a[^ ]* /a /p'
  )
  if [ -z "$attributes" ]; then return; fi
  printf '%s\n' "$attributes" |
    while IFS= read -r line; do echo "protected ${line%% *} $(encoded "${line#* }")"; done
}

# Set p to the nearest path at or above p that exists, n to the number of names that were taken off.
nearest() {
  n=0
  while [ ! -e "$p" ] && [ ! -L "$p" ]; do
    case $p in */*) p=${p%/*} ;; *) p=. ;; esac
    [ -n "$p" ] || p=/
    n=$((n+1))
  done
}

# PATH YES NO: print YES or NO.
may_write() { if [ -w "$1" ] && [ -x "$1" ]; then printf %s "$2"; else printf %s "$3"; fi; }

# DIRECTORY…: one letter for each, in one line.
parents() {
  printf 'parents '
  for p do
    if [ -d "$p" ]; then may_write "$p" w r
    else nearest; if [ -d "$p" ]; then may_write "$p" W R; else printf x; fi
    fi
  done
  echo
}

hexadecimal() { od -An -v -tx1 | tr -d ' \n'; }

# TEXT: as it is after "=", or in hexadecimal where it is not plain.
encoded() {
  case $1 in
    *[!A-Za-z0-9/._@%+=:,-]*) printf %s "$1" | hexadecimal ;;
    *) printf '=%s' "$1" ;;
  esac
}

# WHO PATH…: what is at each of these, the directories on the way to destinations; and where each of their links leads.
ways() {
  who=$1
  shift
  letters=$(kinds "$@")
  echo "way $who $letters"
  # shellcheck disable=SC2086  # $STAT is several words
  if [ $# = 0 ]; then return
  elif few "$@"; then $STAT "$OWNED" -- "$@"
  else printf '%s\0' "$@" | xargs -0 -r $STAT "$OWNED" --; fi 2>/dev/null
  case $letters in *[lL]*) for p do if [ -L "$p" ]; then follow "$who" "$p"; fi; done ;; esac
}

# WHO PATH: the same for every directory above a path, the nearest first.
upwards() {
  who=$1 p=$2
  set --
  while p=${p%/*} && [ -n "$p" ]; do set -- "$@" "$p"; done
  ways "$who" "$@"
}

# WHO LINK: its target; then a line for every name on the way there, whose links are followed too.
follow() {
  todo=$(readlink "$2") at=$(cd -P "${2%/*}/" && pwd -P) left=60
  echo "to $(encoded "$todo")"
  case $todo in /*) at= ;; esac
  while [ -n "$todo" ] && [ "$left" -gt 0 ] && [ "$STEPS" -gt 0 ]; do
    name=${todo%%/*}
    case $todo in */*) todo=${todo#*/} ;; *) todo= ;; esac
    case $name in '' | .) continue ;; ..) at=${at%/*}; continue ;; esac
    at=${at%/}/$name left=$((left - 1))
    case $STEPPED in *":$1$at:"*) continue ;; esac
    STEPS=$((STEPS - 1))
    # shellcheck disable=SC2086
    state=$($STAT "$OWNED" -- "$at" 2>/dev/null) || return
    state=${state#node }
    if [ -L "$at" ]; then
      target=$(readlink "$at")
      echo "step $1 l $(encoded "$at") $(encoded "$target") $state"
      case $target in /*) at= ;; *) at=${at%/*} ;; esac
      todo=$target/$todo
    elif [ -d "$at" ]; then
      echo "step $1 d $(encoded "$at") = $state"
      case $at in *:*) ;; *) STEPPED=$STEPPED$1$at: ;; esac
    else return
    fi
  done
}

# WHO NUMBER PATH…: everything about the directories on the way to destinations. All but so many of the first paths are
# those that hold destinations.
directories() {
  upwards "$1" "$H"
  upwards "$1" "$W"
  who=$1 above=$2
  shift 2
  ways "$who" "$@"
  shift "$above"
  parents "$@"
  real_directories "$who" "$@"
  mounts "$@"
}

# DIRECTORY…: the files that are mounted in these (nobody can replace them), and those of these that are read-only.
mounts() {
  if [ ! -r /proc/self/mountinfo ]; then return; fi
  for p do
    nearest
    if cd -P "$p"; then printf '%s\n' "$PWD"; fi
  done | awk "$MOUNTS" - /proc/self/mountinfo | while IFS= read -r line; do
    if [ "${line%% *}" = readonly ] || [ ! -d "${line#* }" ]; then echo "${line%% *} $(encoded "${line#* }")"; fi
  done
}

# TOP: everything that is mounted below this real directory.
mounts_below() {
  if [ ! -r /proc/self/mountinfo ]; then return; fi
  echo "${1%/}/" | awk "$MOUNTS" - /proc/self/mountinfo | while IFS= read -r line; do
    if [ "${line%% *}" = mounted ]; then echo "mounted $(encoded "${line#* }")"; fi
  done
}

# awk: directories, a line each, then mountinfo (proc_pid_mountinfo(5)). After a directory with a slash at its end:
# everything mounted below it.
# shellcheck disable=SC2016  # $5 is of awk
MOUNTS='
NR == FNR { if (/^\/.*.\/$/) below[$0]; else if (/^\//) asked[$0]; next }
{
  at = $5
  gsub(/\\040/, " ", at); gsub(/\\011/, "\t", at); gsub(/\\134/, "\\", at)
  mounted[at] = ("," $6 "," $NF ",") ~ /,ro,/
  above = at; sub(/\/[^\/]*$/, "", above); if (above == "") above = "/"
  if (above in asked) print "mounted " at
  for (top in below) if (index(at, top) == 1) print "mounted " at
}
END {
  for (each in asked) {
    at = each
    while (at != "" && !(at in mounted)) sub(/\/[^\/]*$/, "", at)
    if (at == "") at = "/"
    if (mounted[at]) print "readonly " each
  }
}'

# WHO DIRECTORY…: those whose real path is another; WHO is 1 for root and 0 for the remote user.
real_directories() {
  who=$1
  shift
  i=0
  for p do
    nearest
    if cd -P "$p" 2>/dev/null && [ "$PWD" != "$p" ]; then
      printf 'real %s %s %s %s\n' "$who" "$i" "$n" "$(encoded "$PWD")"
    fi
    i=$((i+1))
  done
  cd / || return
}

# INDEX DIRECTORY: everything below a mirrored directory, and the exit status of find, which 1 is if it may not enter
# some directory. With device and inode where find can print them.
listing() {
  top=$(cd -P "${2%/*}/" && pwd -P)
  # Not where somebody's link leads that is there only now.
  if [ -d "$2" ] && [ ! -L "$2" ] && cd -P "$2" && [ "$(pwd -P)" = "${top%/}/${2##*/}" ]; then
    seconds_left 2
    mounts_below "$PWD"
    if find . -prune -printf '' >/dev/null; then list "$1" i -printf '%D:%i:%y:%p\0'
    else
      list "$1" d -type d -print0
      list "$1" f ! -type d -print0
    fi
  fi
  cd / || return
}

# INDEX LETTER WORD…: one line of listing; the words are find's.
list() {
  printf 'listing %s %s ' "$1" "$2"
  shift 2
  # shellcheck disable=SC2086
  { $BOUND $left find . -xdev "$@"; printf '=%s\0' $?; } | hexadecimal
  echo
}
