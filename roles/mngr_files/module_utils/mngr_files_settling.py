"""Bring the paths of a host to what a bundle says. Python 3.9, standard library only.

What may stand where something is to go (the README says it to users):

========================  ====================================  ================================  ===================
there is                  a file goes there                     a directory goes there            a link goes there
========================  ====================================  ================================  ===================
nothing                   created, missing parents too          created, missing parents too      created
a file                    replaced at once, or only its mode    fails                             replaced
a link                    the link is replaced, not its target  fails                             replaced
a directory               fails: nothing ever lands inside it   its mode is set (not a top one)   fails
a fifo, socket, device    fails                                 fails                             fails
========================  ====================================  ================================  ===================

A file is written beside its destination under a name of :data:`TEMPORARY`, readable by its owner alone, and gets its
final mode before it takes the destination's place; so it is never more readable than it will be, and a reader sees the
old or the new content. What replaces a file keeps that file's owner where root does it. Nothing else is ever changed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import select
import stat
import zlib

TEMPORARY = b".mngr-ansible-"
BLOCK = 1 << 20
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
EXISTING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class RefusedError(Exception):
    """An entry can not be had: the path that it is about, and why."""

    def __init__(self, path, why):
        super().__init__(path, why)
        self.path = path
        self.why = why


class Abandoned(BaseException):
    """Nobody waits for the answer any more; temporary files are removed on the way out."""


class Settler:
    """Brings one path after the other to what it should be. With ``is_dry``, only says what it would do."""

    def __init__(self, bundle, is_dry):
        self._bundle = bundle
        self._is_dry = is_dry
        self._parent = os.getppid()
        self._answer = select.poll()
        self._answer.register(1, 0)
        self._known_parents = set()
        self._touched = set()
        self._modes = []
        self.wanting = []
        """Indices of the entries whose content is not there."""

    def settle(self, step):
        """Settle all entries of one step; the first problem ends it. Returns the step's outcome."""
        outcome = {"id": step["id"], "status": "ok", "files_changed": 0}
        self._modes = []
        try:
            try:
                for entry in step["entries"]:
                    self._require_listener()
                    if self._entry(entry["path"], entry, step["directory_mode"]):
                        outcome["status"] = "changed"
                        outcome["files_changed"] += entry["kind"] != "directory"
            finally:
                for path, mode in reversed(self._modes):
                    set_mode(path, mode)
        except RefusedError as refusal:
            outcome.update(status="failed", reason="%s: %s" % (shown(refusal.path), refusal.why))
        except OSError as error:
            path = error.filename if isinstance(error.filename, bytes) else entry["path"]
            outcome.update(status="failed", reason="%s: %s" % (shown(path), error.strerror or error))
        return outcome

    def sync(self):
        """Make the new names as lasting as the contents: fsync every directory that got one."""
        for directory in sorted(self._touched):
            try:
                descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except OSError:
                continue  # a directory that we may write and not read; the names are there all the same
            try:
                os.fsync(descriptor)
            except OSError:
                pass  # file systems that know no fsync of directories
            finally:
                os.close(descriptor)

    def _entry(self, path, entry, parents_mode):
        kind = entry["kind"]
        self._require_parents(path, parents_mode)
        try:
            there = os.lstat(path)
        except FileNotFoundError:
            there = None
        if kind == "directory":
            return self._directory(path, entry, there)
        if there is not None and stat.S_ISDIR(there.st_mode):
            raise RefusedError(path, "is a directory, and a %s is to go there; move it away" % kind)
        if there is not None and not stat.S_ISREG(there.st_mode) and not stat.S_ISLNK(there.st_mode):
            raise RefusedError(path, "is a fifo, a socket or a device; move it away")
        return self._link(path, entry, there) if kind == "link" else self._file(path, entry, there)

    def _file(self, path, entry, there):
        is_regular = there is not None and stat.S_ISREG(there.st_mode)
        if is_regular and there.st_size == entry["size"]:
            outcome = self._compare(path, entry)
            if outcome is not None:
                return outcome
        self.wanting.append(entry["index"])
        if not self._is_dry:
            if not entry["packed"]:
                raise RefusedError(path, "was changed on the host by somebody else meanwhile; run again")
            self._write(path, entry, there if is_regular else None)
        return True

    def _compare(self, path, entry):
        """Whether the mode of a file with the right content had to be set; None where the content is another."""
        try:
            descriptor = os.open(path, EXISTING)
        except PermissionError:
            return None
        with open(descriptor, "rb", buffering=0) as file:
            sha256 = hashlib.sha256()
            while True:
                block = file.read(BLOCK)
                if not block:
                    break
                sha256.update(block)
            status = os.fstat(descriptor)
            if sha256.hexdigest() != entry["sha256"]:
                return None
            if stat.S_IMODE(status.st_mode) == entry["mode"]:
                return False
            if not self._is_dry:
                with naming(path):
                    os.fchmod(descriptor, entry["mode"])
            return True

    def _write(self, path, entry, replaced):
        temporary = self._beside(path)
        with naming(path):
            descriptor = os.open(temporary, NEW, 0o600)
        try:
            with naming(path), open(descriptor, "wb", buffering=0) as file:
                sha256 = hashlib.sha256()
                for block in self._bundle.content(entry["offset"], entry["size"]):
                    self._require_listener()
                    sha256.update(block)
                    view = memoryview(block)
                    while view:
                        view = view[file.write(view) :]
                if sha256.hexdigest() != entry["sha256"]:
                    raise RefusedError(path, "arrived damaged; run again")
                if replaced is not None and os.geteuid() == 0:
                    os.fchown(descriptor, replaced.st_uid, replaced.st_gid)
                os.fchmod(descriptor, entry["mode"])
                os.fsync(descriptor)
            with naming(path):
                os.rename(temporary, path)
        except BaseException as error:
            discard(temporary)
            if isinstance(error, zlib.error):
                raise RefusedError(path, "arrived damaged (%s); run again" % error) from None
            raise

    def _link(self, path, entry, there):
        target = entry["target"]
        if there is not None and stat.S_ISLNK(there.st_mode) and os.readlink(path) == target:
            return False
        if not self._is_dry:
            temporary = self._beside(path)
            with naming(path):
                os.symlink(target, temporary)
            try:
                with naming(path):
                    os.rename(temporary, path)
            except BaseException:
                discard(temporary)
                raise
        return True

    def _directory(self, path, entry, there):
        mode = entry["mode"]
        if there is None:
            if not self._is_dry:
                os.mkdir(path, 0o700)
                self._touched.add(os.path.dirname(path))
                self._modes.append((path, mode))
            return True
        if not stat.S_ISDIR(there.st_mode):
            kind = "file" if stat.S_ISREG(there.st_mode) else "link" if stat.S_ISLNK(there.st_mode) else "special file"
            raise RefusedError(path, "is a %s, and a directory is to go there; move it away" % kind)
        if entry["is_top"] or there.st_mode & 0o777 == mode:
            return False
        if not self._is_dry:
            # What must not be seen is hidden before anything is put in; what must be seen is shown at the end.
            set_mode(path, there.st_mode & mode | 0o700)
            self._modes.append((path, mode))
        return True

    def _require_parents(self, path, mode):
        parent, missing = os.path.dirname(path), []
        while parent not in self._known_parents:
            try:
                status = os.stat(parent)
            except (FileNotFoundError, NotADirectoryError):
                if os.path.islink(parent):
                    raise RefusedError(parent, "is a link to nothing, and a directory is needed there") from None
                missing.append(parent)
                parent = os.path.dirname(parent)
                continue
            if not stat.S_ISDIR(status.st_mode):
                raise RefusedError(parent, "is not a directory, and one is needed there; move it away")
            break
        for directory in reversed(missing):
            if not self._is_dry:
                with naming(directory):
                    make_directory(directory, mode)
                self._touched.add(os.path.dirname(directory))
        self._known_parents.add(os.path.dirname(path))

    def _beside(self, path):
        directory = os.path.dirname(path)
        self._touched.add(directory)
        return os.path.join(directory, TEMPORARY + secrets.token_hex(8).encode("ascii"))

    def _require_listener(self):
        """End where the connection is gone: what reads our answer has died, or whoever started us has."""
        if os.getppid() != self._parent or self._answer.poll(0):
            raise Abandoned


class naming:  # noqa: N801  (reads as a word of the with statement)
    """Let an operating system's refusal inside name this path, not a temporary one."""

    def __init__(self, path):
        self._path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _traceback):
        if isinstance(error, OSError):
            error.filename, error.filename2 = self._path, None


def discard(temporary):
    """Remove a temporary file, unless it took its place already."""
    try:
        os.unlink(temporary)
    except FileNotFoundError:
        pass


def make_directory(path, mode):
    """Make one missing parent: 0755 and what the umask takes away, or exactly ``mode``."""
    try:
        os.mkdir(path, 0o755 if mode is None else 0o700)
    except FileExistsError:
        return  # somebody else made it first
    if mode is not None:
        set_mode(path, mode)


def set_mode(path, mode):
    """Set a directory's permission bits and leave its setgid and sticky bits; a link is never followed."""
    with naming(path):
        descriptor = os.open(path, DIRECTORY)
        try:
            os.fchmod(descriptor, mode & 0o777 | os.fstat(descriptor).st_mode & 0o7000)
        finally:
            os.close(descriptor)


def shown(path):
    """A path for people: bytes that are not UTF-8 as ``\\xff``, control characters escaped."""
    text = path.decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
