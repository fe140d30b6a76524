#!/bin/sh
# Prints what files hold, for people to see what would change: read-only, without temporary files.
#
# A template (templates.py). For each directory and name one line, in their order:
#   NONCE file HEX       the content
#   NONCE link HEX       the target of a link
#   NONCE no             neither, too large, not readable by every user of the host, or not where it was
#
# Whether a file may be shown is decided on the descriptor from which it is read. The current directory is one too: once
# we are in it, nobody can put another in its place.

LC_ALL=C
export LC_ALL
: @TRUSTED_PROGRAMS@
mngr_protect
largest=@LARGEST@

hexadecimal() { od -An -v -tx1 | tr -d ' \n'; }

# Type, mode, size, device and inode: of what is open as the input, and of what has a name here.
if stat -c %a / >/dev/null 2>&1; then
  of_input='stat -L -c %F:%a:%s:%d:%i /proc/self/fd/0 2>/dev/null || stat -c %F:%a:%s:%d:%i -'
  of_name='stat -c %F:%a:%s:%d:%i --'
else
  of_input='stat -f %HT:%Lp:%z:%d:%i'
  of_name='stat -f %HT:%Lp:%z:%d:%i --'
fi
if timeout -s KILL 9 true; then bound='timeout -s KILL 5'
elif timeout -s KILL -t 9 true; then bound='timeout -s KILL -t 5'
elif perl -e 1; then bound='perl -e alarm(shift);exec(@ARGV) 5'
else bound=; fi 2>/dev/null

# What a shell of its own does with a name: it is ended if that is a fifo by now, on which opening waits.
# shellcheck disable=SC2016
reader='
exec <"$1" || exit
state=$(eval "$2") && [ "$state" = "$($3 "$1")" ] || exit
case $state in [Rr]egular*) rest=${state#*:} ;; *) exit ;; esac
case ${rest%%:*} in *[4567]) rest=${rest#*:} ;; *) exit ;; esac
[ "${rest%%:*}" -le "$4" ] || exit
printf "file "
head -c "$(($4 + 1))" | od -An -v -tx1 | tr -d " \n"
'

print_contents() {
  while [ $# -gt 0 ]; do
    found=no
    if cd -P -- "$1" && [ "$(pwd -P)" = "$1" ]; then
      if [ -L "./$2" ]; then
        target=$(readlink "./$2" | tr -d '\n' | hexadecimal)
        found=${target:+link $target}
      elif [ -f "./$2" ]; then found=$($bound /bin/sh -c "$reader" sh "./$2" "$of_input" "$of_name" "$largest")
      fi
    fi 2>/dev/null
    echo @NONCE@ "${found:-no}"
    shift 2
  done
}

print_contents @PATHS@ </dev/null
