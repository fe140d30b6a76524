"""Rounds of an attack: run the role's module on a host again and again, while an attacker is at work beside it.

It runs on the host as root, with the standard library and Ansible's ``module_utils`` only: ``rounds.py DIRECTORY``
reads a job from stdin (``scene.Attack.play`` makes it) and writes one line of JSON for each round. Before a round
everything is put up anew. In a round ``at: N`` the module stands still just before its Nth call of the operating
system, until the attacker has done his moves: every moment of the module can be tried, and no luck is needed.
Python 3.9.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pwd
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from typing import Any

_SILENT = {
    *("close", "fspath", "fsencode", "fsdecode", "getcwd", "geteuid", "getpid", "getppid", "getuid", "getgid"),
    *("getgroups", "isatty", "read", "strerror", "umask", "urandom", "waitstatus_to_exitcode", "write"),
    *("cpu_count", "sysconf"),
}
"""Calls that look at no path: an attack between them is the same as one before the next."""
_SYSTEM = frozenset(("posix", "fcntl", "io", "_io", "time"))
_ENTRY = frozenset(("DirEntry.stat", "DirEntry.is_dir", "DirEntry.is_file", "DirEntry.is_symlink"))


class Attacker:
    """The attacker's process, and the line to it."""

    def __init__(self, directory: str, user: str) -> None:
        argv = ["setpriv", "--reuid", user, "--regid", user, "--init-groups", "--", sys.executable]
        self._process = subprocess.Popen(
            [*argv, os.path.join(directory, "attacker.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
            env={"PATH": os.environ["PATH"]},
        )
        self._read()
        self.loops = 0

    def do(self, moves: list[Any]) -> int:
        """Let him do his moves once; how many the kernel let pass."""
        self._write({"moves": moves})
        return int(json.loads(self._read())["done"])

    @contextlib.contextmanager
    def at_work(self, moves: list[Any]) -> Any:
        """Let him repeat his moves during the block."""
        self._write({"loop": moves})
        try:
            yield
        finally:
            self._write({"moves": []})
            self.loops += int(json.loads(self._read())["loops"])
            self._read()

    def end(self) -> None:
        """End him."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)

    def _write(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the attacker has ended"
        return line


class Steps:
    """Counts the module's calls of the operating system, and calls somebody before the one that is asked for."""

    def __init__(self, moments: dict[int, Any]) -> None:
        self.names: list[str] = []
        self._moments = moments
        self._has_begun = False

    def watch(self, frame: Any, event: str, function: Any) -> None:
        """What ``sys.setprofile`` calls before every call of a function in C."""
        if event != "c_call":
            return
        name = getattr(function, "__qualname__", "")
        if not (getattr(function, "__module__", "") in _SYSTEM or name in _ENTRY) or name in _SILENT:
            return
        if not self._has_begun:
            self._has_begun = "mngr_files_" in frame.f_code.co_filename
        if self._has_begun:
            number = len(self.names)
            self.names.append(name)
            if number in self._moments:
                self._moments[number]()


def run_module(directory: str, arguments: dict[str, Any]) -> None:
    """Run the module in this process, as Ansible does; it writes its result and exits."""
    sys.path.insert(0, directory)
    import mngr_files_write as module
    from ansible.module_utils.testing import patch_module_args

    with patch_module_args(arguments):
        module.main()


def forked(job: dict[str, Any], moments: dict[int, Any], report: int) -> tuple[int, int]:
    """Run the module in a child of this process, as the job's user: its pid, and where its output can be read."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    code = 70
    steps = Steps(moments)
    try:
        user = pwd.getpwnam(job["user"])
        os.dup2(writing, 1)
        os.chdir("/")
        os.environ["HOME"] = user.pw_dir
        os.environ.pop("SUDO_USER", None)
        if user.pw_uid:
            os.initgroups(user.pw_name, user.pw_gid)
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
        os.umask(0o022)
        threading.setprofile(steps.watch)
        sys.setprofile(steps.watch)
        try:
            run_module(job["directory"], job["arguments"])
        finally:
            sys.setprofile(None)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 71
    except BaseException:  # noqa: BLE001 - the child reports whatever ends it
        import traceback

        traceback.print_exc(file=sys.stdout)
    finally:
        with contextlib.suppress(BaseException):
            os.write(report, json.dumps(steps.names[:4000]).encode())
            sys.stdout.flush()
        os._exit(code)


def read_to_end(descriptor: int, pid: int, seconds: float) -> tuple[bytes, bool]:
    """The output of a child, and whether it ended in time; it is killed if not."""
    output, limit = b"", time.monotonic() + seconds
    try:
        while True:
            if not select.select([descriptor], [], [], max(0, limit - time.monotonic()))[0]:
                os.kill(pid, signal.SIGKILL)
                return output, False
            block = os.read(descriptor, 1 << 16)
            if not block:
                return output, True
            output += block
    finally:
        os.close(descriptor)
        os.waitpid(pid, 0)


def spawned(job: dict[str, Any]) -> tuple[int, int]:
    """Run the module through the job's command, such as sudo: its pid, and where its output can be read."""
    process = subprocess.Popen(
        [*job["command"], sys.executable, __file__, job["directory"], "once"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd="/",
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(job["arguments"]).encode())
    process.stdin.close()
    return process.pid, os.dup(process.stdout.fileno())


def remove(path: str) -> None:
    """Remove a file or a link, if one is there: an attacker has put it where a directory was."""
    with contextlib.suppress(FileNotFoundError, IsADirectoryError):
        os.unlink(path)


def put_up(layout: list[dict[str, Any]]) -> None:
    """Make what a round begins with; what is there already is removed first."""
    for each in layout:
        path = each["path"]
        if each["kind"] == "clear":
            shutil.rmtree(path, ignore_errors=True)
            remove(path)
            continue
        if each["kind"] == "clear file":
            remove(path)
            continue
        if each["kind"] == "directory":
            os.makedirs(path, exist_ok=True)
        elif each["kind"] == "link":
            os.symlink(each["target"], path)
        elif each["kind"] == "hard link":
            os.link(each["target"], path)
        elif each["kind"] == "fifo":
            os.mkfifo(path)
        elif each["kind"] == "copy":
            shutil.copyfile(each["target"], path)
        else:
            with open(path, "w") as file:
                file.write(each["content"])
        user = pwd.getpwnam(each["owner"])
        if each["kind"] != "hard link":
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
            if each["kind"] != "link":
                os.chmod(path, int(each["mode"], 8))


def state(path: str, words: list[str]) -> dict[str, Any]:
    """All that can be said about a path and what is below it, or only the facts of these names."""
    said: dict[str, Any] = {}
    waiting = [path]
    while waiting:
        each = waiting.pop()
        try:
            status = os.lstat(each)
        except FileNotFoundError:
            said[each] = None
            continue
        facts: dict[str, Any] = {
            "mode": oct(status.st_mode),
            "owner": [status.st_uid, status.st_gid],
            "names": status.st_nlink,
            "changed": status.st_ctime_ns,
            "written": status.st_mtime_ns,
            "inode": status.st_ino,
        }
        if stat.S_ISREG(status.st_mode):
            with open(each, "rb") as file:
                facts["content"] = hashlib.sha256(file.read()).hexdigest()
        elif stat.S_ISLNK(status.st_mode):
            facts["content"] = os.readlink(each)
        elif stat.S_ISDIR(status.st_mode):
            names = sorted(os.listdir(each))
            facts["content"] = names
            waiting += [os.path.join(each, name) for name in names]
        said[each] = {word: facts[word] for word in words or facts if word in facts}
    return said


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is no longer as it was, in words."""
    found = []
    for path in sorted({**before, **after}):
        was, now = before.get(path), after.get(path)
        if was is None or now is None:
            found += [] if was == now else [f"{path} is gone" if was else f"{path} is new: {json.dumps(now)}"]
        else:
            found += [f"{path}: {key} was {was[key]} and is {now[key]}" for key in was if was[key] != now[key]]
    return found


def readable_secrets(places: list[str], user: str, secrets: list[str]) -> list[str]:
    """Files that this user can read and that hold a secret, wherever they lie below the places."""
    who = pwd.getpwnam(user)
    found = []
    for place in places:
        if os.path.islink(place):
            continue  # the attacker's link to what he cannot enter
        for directory, names, files in os.walk(place):
            if directory.count("/") > 50:
                names.clear()
            for name in files:
                path = os.path.join(directory, name)
                status = os.lstat(path)
                if not stat.S_ISREG(status.st_mode):
                    continue
                bit = 0o400 if status.st_uid == who.pw_uid else 0o040 if status.st_gid == who.pw_gid else 0o004
                if status.st_mode & bit or status.st_uid == who.pw_uid:
                    with open(path, "rb") as file:
                        content = file.read()
                    found += [
                        f"{path}, which {user} can read, holds {secret}"
                        for secret in secrets
                        if secret.encode() in content
                    ]
    return found


def play(job: dict[str, Any], one: dict[str, Any], attacker: Attacker) -> dict[str, Any]:
    """One round, and what became of it."""
    put_up(job["layout"])
    before = {key: state(path, words) for key, (path, words) in enumerate(job["watched"])}
    report_in, report_out = os.pipe()
    moments: dict[int, Any] = {}
    if one.get("at") is not None:
        moments[one["at"]] = lambda: attacker.do(one["moves"])
        if one.get("back"):
            moments[one["at"] + one["span"]] = lambda: attacker.do(one["back"])
    since = time.monotonic()
    with attacker.at_work(one["loop"]) if one.get("loop") else contextlib.nullcontext():
        pid, reading = spawned(job) if job.get("command") else forked(job, moments, report_out)
        output, is_in_time = read_to_end(reading, pid, job["seconds"])
    os.close(report_out)
    calls = b""
    while block := os.read(report_in, 1 << 16):
        calls += block
    os.close(report_in)
    found = [] if is_in_time else [f"it did not end within {job['seconds']} s"]
    for key, (path, words) in enumerate(job["watched"]):
        found += differences(before[key], state(path, words))
    found += readable_secrets(job["open"], job["attacker"], job["secrets"])
    found += [f"the answer holds {each}" for each in job["secrets"] if each.encode() in output]
    try:
        answer = json.loads(output[output.index(b"{") :])
    except ValueError:
        answer = {}
        if is_in_time:
            found.append(f"there is no answer: {output.decode(errors='replace')[-2000:]}")
    return {
        "round": {key: one.get(key) for key in ("name", "at", "span")},
        "seconds": round(time.monotonic() - since, 2),
        "calls": json.loads(calls or b"[]"),
        "steps": answer.get("mngr_steps", answer.get("msg")),
        "there": {path: state(path, ["mode", "owner", "content", "names"]) for path in job["asked"]},
        "loops": attacker.loops,
        "found": found,
    }


def main() -> None:
    """Play the rounds of the job on stdin; or run the module once, put something up, say how things are."""
    directory = sys.argv[1]
    job = json.load(sys.stdin)
    if sys.argv[2:] == ["once"]:
        run_module(directory, job)
    if sys.argv[2:] == ["put up"]:
        put_up(job["layout"])
        return
    if sys.argv[2:] == ["look"]:
        there = {key: state(path, words) for key, (path, words) in enumerate(job["watched"])}
        secrets = readable_secrets(job["open"], job["attacker"], job["secrets"])
        print(json.dumps({"there": there, "secrets": secrets}))
        return
    job["directory"] = directory
    sys.path.insert(0, directory)
    if not job.get("command"):
        import ansible.module_utils.testing  # noqa: F401 - the children have what is imported here
        import mngr_files_write  # noqa: F401
    attacker = Attacker(directory, job["attacker"])
    ended = time.monotonic() + job["all_seconds"]
    for one in job["rounds"]:
        result = play(job, one, attacker)
        if one.get("at") is not None:
            del result["calls"]
        print(json.dumps(result), flush=True)
        if time.monotonic() > ended:
            break
    attacker.end()


if __name__ == "__main__":
    main()
