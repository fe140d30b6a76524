#!/bin/sh
# Pid 1 in a fresh root tree, in mount, pid, uts and ipc namespaces of its own (see from_nothing.py).
# Usage: from_nothing.sh WORK LAYER_ROOT COMMAND... <the bound paths, one a line
# All that is written there is in a tmpfs, so that nothing is left of it. The network is that of this machine.
set -eu
umask 022
work=$1 lower=$2
shift 2
root=$work/mount/root

mount -t tmpfs -o mode=0755 tree "$work/mount"
mkdir "$root" "$work/mount/upper" "$work/mount/work"
mount -t overlay -o "lowerdir=$lower,upperdir=$work/mount/upper,workdir=$work/mount/work" tree "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t tmpfs -o mode=0755,nosuid run "$root/run"
mount -t tmpfs -o mode=0755,nosuid dev "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid shm "$root/dev/shm"
for device in null zero full random urandom tty; do
  : >"$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
# What is bound is what pip's own configuration names: indexes and certificates on this machine's disk.
while IFS= read -r path; do
  if [ -d "$path" ]; then mkdir -p "$root$path"; else mkdir -p "$root${path%/*}" && : >"$root$path"; fi
  mount --bind -o ro "$path" "$root$path"
done
cp -aL /etc/resolv.conf "$root/etc/resolv.conf"
cp -a "$work/seed/." "$root/"
cd "$root"
mkdir .machine
pivot_root . .machine
umount -l /.machine
rmdir /.machine
hostname fresh
ldconfig
cd /root
exec "$@" </dev/null
