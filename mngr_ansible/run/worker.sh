#!/bin/sh
# What ansible-runner starts on a worker in the place of ansible-playbook, in the project directory of the job.
#
# It runs ansible-playbook without the worker's own settings of Ansible, and leaves nothing behind: neither processes
# when the link to the worker is lost, nor the job's directory, which may have secrets in it, when ansible-runner is
# killed. Our lines below, such as the environment, are put in by worker_job.py.
mask=$(umask)
umask 077
unset CDPATH
private=$(cd .. && pwd -P) || exit
runner=$PPID
echo "$runner" >"$private/mngr-ansible-worker"

# By whom this process was started: ansible-runner and what is above it in its session, and who began the session. On
# sshd that is the process of the connection, which ends with it.
field() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f "$2"; }
chain=$runner
session=$(field "$runner" 4)
above=$(field "$runner" 2)
while [ "${above:-0}" -gt 1 ]; do
  chain="$chain $above"
  if [ "$(field "$above" 4)" != "$session" ]; then break; fi
  above=$(field "$above" 2)
done

# Whether every ansible-runner worker of this machine is one whose job has begun: so are those that the marks name.
all_have_begun() {
  begun=" $chain "
  for mark in "${private%/*}"/*/mngr-ansible-worker; do
    other=
    read -r other <"$mark" && begun="$begun$other "
  done
  is_known=
  found=$(grep -lsz 'ansible.runner' /proc/[0-9]*/cmdline)
  for each in $found; do
    grep -qsz '^worker$' "$each" || continue
    each=${each#/proc/}
    each=${each%/cmdline}
    if [ "$each" = "$runner" ]; then is_known=yes; fi
    case $begun in *" $each "*) ;; *) return 1 ;; esac
  done
  [ -n "$is_known" ] # where ours is called otherwise, others may be too
}
is_older() { [ -n "$(find "$2" -prune -mmin "+$1" 2>/dev/null)" ]; }

# What killed runs have left beside this job's directory, and where directories of sockets are. A mark without a number
# is of a job that had not begun; the archive of one that had not come whole begins with the mark (worker_job.py).
for mark in "${private%/*}"/*/mngr-ansible-worker; do
  old=${mark%/*}
  if [ "$old" = "$private" ] || [ -L "$old" ] || ! [ -O "$old" ] || ! [ -O "$mark" ]; then continue; fi
  other=
  read -r other <"$mark"
  case $other in
    '' | *[!0-9]*) is_older 60 "$old" || { is_older 1 "$old" && all_have_begun; } || continue ;;
    *) if kill -0 "$other" 2>/dev/null; then continue; fi ;;
  esac
  rm -rf "$old"
done
for old in "${private%/*}"/tmp????????; do
  if [ -L "$old" ] || ! [ -f "$old" ] || ! [ -O "$old" ] || ! is_older 1 "$old"; then continue; fi
  if [ "$(head -c 49 "$old" | tail -c 19 | tr '\0' ' ')" != mngr-ansible-worker ]; then continue; fi
  if ! is_older 60 "$old" && { ! [ -d /proc/self/fd ] || [ -n "$(find /proc/[0-9]*/fd -lname "$old" 2>/dev/null)" ]; }; then
    continue
  fi
  rm -f "$old"
done
for old in /tmp/mngr-worker-*; do
  other=${old#/tmp/mngr-worker-}
  other=${other%%-*}
  case $other in '' | *[!0-9]*) continue ;; esac
  if ! [ -L "$old" ] && [ -O "$old" ] && ! kill -0 "$other" 2>/dev/null; then rm -rf "$old"; fi
done

# The ansible-playbook beside the ansible-runner that runs, which need not be in PATH; else the one of PATH.
playbook=
if [ -r "/proc/$runner/cmdline" ]; then
  IFS='
'
  for word in $(tr '\0' '\n' <"/proc/$runner/cmdline"); do
    case $word in
      /*) if [ -z "$playbook" ] && [ -x "${word%/*}/ansible-playbook" ]; then playbook=${word%/*}/ansible-playbook; fi ;;
    esac
  done
  unset IFS
fi
if [ -z "$playbook" ] && ! playbook=$(command -v ansible-playbook); then
  echo "mngr-ansible: the worker has no ansible-playbook"
  exit 127
fi

# The sockets are in the job's directory, so they end with it; where that has a long name, the process is in theirs.
sockets=$private/tmp
if [ "${#sockets}" -gt 40 ]; then
  sockets=$(trap '' HUP INT TERM && mktemp -d "/tmp/mngr-worker-$runner-XXXXXX") || exit
else
  mkdir "$sockets" || exit
fi

# The processes of this run carry its directory in their environment; those of other users cannot be read. ssh writes its
# title over that of the process that keeps a connection open.
marked() {
  {
    grep -lsz "^ANSIBLE_HOME=$private/home\$" /proc/[0-9]*/environ
    grep -lsz "^ssh: $sockets/" /proc/[0-9]*/cmdline
  } | sed 's|^/proc/||; s|/[a-z]*$||'
}
end_all() {
  for signal in TERM KILL; do
    ids=$(marked)
    if [ -z "$ids" ]; then break; fi
    # shellcheck disable=SC2086  # one word for each process
    kill -s "$signal" $ids 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      if [ -z "$(marked)" ]; then break; fi
      sleep 0.1
    done
  done
  rm -rf "$sockets"
}

for name in $(env | sed -n 's/^\(ANSIBLE_[A-Za-z0-9_]*\)=.*/\1/p'); do
  case $name in
    ANSIBLE_STDOUT_CALLBACK | ANSIBLE_CALLBACK_PLUGINS | ANSIBLE_RETRY_FILES_ENABLED) ;;
    *) unset "$name" ;;
  esac
done
ANSIBLE_CALLBACK_PLUGINS=${ANSIBLE_CALLBACK_PLUGINS##*:} # ansible-runner's own

(
  umask "$mask"
  : @ENVIRONMENT@
  # As much memory for each process as in supervisor.py; a lower limit may be in force already.
  # shellcheck disable=SC3045  # where a shell has no -d, there is no limit
  ulimit -d 4194304 2>/dev/null || :
  export TMPDIR="$sockets" ANSIBLE_HOME="$private/home" ANSIBLE_CALLBACK_PLUGINS
  exec "$playbook" "$@"
) &
run=$!

watch() {
  while kill -0 "$run" 2>/dev/null; do
    for each in $chain; do
      if ! kill -0 "$each" 2>/dev/null && ! [ -d "/proc/$each" ]; then
        end_all
        rm -rf "$private"
        exit
      fi
    done
    sleep 1
  done
  # Its end is seen to by the script, unless that was killed too.
  sleep 5
  end_all
  if ! kill -0 "$runner" 2>/dev/null; then rm -rf "$private"; fi
}
set -m # a process group of its own: ansible-runner ends a run by killing the group of this process
(
  trap '' HUP INT TERM
  watch
) </dev/null >/dev/null 2>&1 &
watcher=$!
set +m

# Who ends a run signals all its processes; what cleans up ignores that.
# shellcheck disable=SC2317  # the trap below calls it
stop() {
  trap '' HUP INT TERM
  rm -rf "$private"
  end_all
  rm -rf "$private"
  kill -s KILL "$watcher" 2>/dev/null
  exit 143
}
trap stop HUP INT TERM
wait "$run"
code=$?
trap '' HUP INT TERM
kill -s KILL "$watcher" 2>/dev/null
end_all
if ! kill -0 "$runner" 2>/dev/null; then rm -rf "$private"; fi
exit "$code"
