"""The attacker: a program of an unprivileged user of a test host, which does what it is told on stdin.

It runs on the host, with the standard library only. A line of stdin is a JSON object, and one line answers it:

=====================================  ===============================================================================
``{"moves": [...]}``                   does the moves once
``{"loop": [...]}``                    repeats the moves until the next line comes; answers how often
``{"when": [WORDS], "moves": [...]}``  waits until a command line has one of the words, and then does the moves
=====================================  ===============================================================================

A move is a list: a name of ``MOVES`` and its arguments. A move that the kernel refuses is an attempt.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import select
import sys
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_HERE = -100
"""AT_FDCWD, see openat(2)."""
_EXCHANGE = 2
"""RENAME_EXCHANGE, see rename(2)."""
_OURS = ".mngr-ansible-"


def exchange(one: str, other: str) -> None:
    """Exchange two names in one step: there is no moment without one of them."""
    if _LIBC.renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE):
        raise OSError(ctypes.get_errno(), one)


def flip(path: str, target: str) -> None:
    """Put a link into the place of a directory and back, with moments without either."""
    os.rename(path, path + ".aside")
    os.symlink(target, path)
    os.unlink(path)
    os.rename(path + ".aside", path)


def seize(directory: str, target: str, trophies: str) -> None:
    """Move every temporary file of the run away, and put a link with its name there."""
    for name in os.listdir(directory):
        if name.startswith(_OURS):
            path = os.path.join(directory, name)
            os.rename(path, os.path.join(trophies, name))
            os.symlink(target, path)


def storm(directory: str) -> None:
    """Rename what is in a directory around, and plant names like ours."""
    names = os.listdir(directory)
    for name in names[:20]:
        os.rename(os.path.join(directory, name), os.path.join(directory, "~" + name))
        os.rename(os.path.join(directory, "~" + name), os.path.join(directory, name))
    planted = os.path.join(directory, _OURS + os.urandom(8).hex())
    os.mkdir(planted)
    os.rmdir(planted)


def write(path: str, text: str) -> None:
    """Write a file that everybody may read and write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK, 0o666)
    try:
        os.fchmod(descriptor, 0o666)
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def take(directory: str, trophies: str) -> None:
    """Copy whatever can be read in a directory: what stands there for a moment only is kept."""
    for name in os.listdir(directory):
        try:
            descriptor = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            content = os.read(descriptor, 1 << 16)
        except OSError:
            content = b""
        finally:
            os.close(descriptor)
        with open(os.path.join(trophies, "taken-" + hashlib.sha256(content).hexdigest()), "wb") as file:
            file.write(content)


MOVES = {
    "exchange": exchange,
    "flip": flip,
    "seize": seize,
    "storm": storm,
    "take": take,
    "write": write,
    "rename": os.rename,
    "link": os.link,
    "symlink": os.symlink,
    "unlink": os.unlink,
    "mkdir": os.mkdir,
    "mkfifo": os.mkfifo,
    "chmod": os.chmod,
    "sleep": time.sleep,
}


def do(moves: list[list[object]]) -> int:
    """Do the moves; how many of them the kernel let pass."""
    done = 0
    for name, *arguments in moves:
        try:
            MOVES[str(name)](*arguments)  # type: ignore[operator]
            done += 1
        except OSError:
            continue
    return done


def await_word(words: list[str]) -> None:
    """Return as soon as a command line of this host has one of the words; every user can read them."""
    mine = str(os.getpid())
    while True:
        for pid in os.listdir("/proc"):
            if not pid.isdigit() or pid == mine:
                continue
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    line = file.read()
                    if any(word.encode() in line for word in words):
                        return
            except OSError:
                continue
        time.sleep(0.002)


def main() -> None:
    """Answer every line of stdin, until it ends."""
    os.umask(0)
    print("ready", flush=True)
    stdin = sys.stdin.buffer
    while line := stdin.readline():
        order = json.loads(line)
        loops = done = 0
        if "when" in order:
            await_word(order["when"])
        if "loop" in order:
            while not select.select([0], [], [], 0)[0]:
                done += do(order["loop"])
                loops += 1
        else:
            done = do(order["moves"])
        print(json.dumps({"loops": loops, "done": done}), flush=True)


if __name__ == "__main__":
    main()
