"""What stands for Ansible on a host to which one self-contained program is sent instead of a module.

This text is the beginning of that program (:mod:`light_program` puts it together): it makes the role's own files
importable from memory, gives them an ``AnsibleModule``, and runs the module. So a module and what it imports are the
same code on both ways. Nothing is written to the host's disk, and nothing of Ansible is needed there.

The input is the program, a header and perhaps a payload, which is the module's own: it reads it as ``module.payload``.

Shared with the roles (Python 3.9, standard library only).
"""

# ruff: noqa: PTH103, PTH111, SLF001

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ModuleSpec
from importlib.util import LazyLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import ModuleType
    from typing import Any, BinaryIO, NoReturn

_HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
"""What Ansible shows instead of a secret; ``********`` inside a longer text."""
_PACKAGE = "ansible.module_utils"
_BLOCK = 1 << 20

_header: dict[str, Any] = {}
"""What the controller says: see :func:`light_program.execute`."""


class AnsibleModule:
    """What our modules use of Ansible's class of that name. Their arguments were checked on the controller.

    Attributes:
        params: the arguments, with their defaults.
        check_mode: nothing is to be changed.
        no_log_values: texts that no result shows.
        payload: what was sent behind the arguments; None if the module was told nothing more.
    """

    def __init__(self, argument_spec: Mapping[str, Mapping[str, Any]], **_rules: object) -> None:
        given = _header["arguments"]
        self.params = {name: given.get(name, option.get("default")) for name, option in argument_spec.items()}
        self.check_mode: bool = _header["check_mode"]
        self.payload: BinaryIO | None = sys.stdin.buffer if _header["has_payload"] else None
        self.no_log_values: set[str] = set()
        for name, option in argument_spec.items():
            if option.get("no_log"):
                self.no_log_values.update(_texts(self.params[name]))
        self._diff: bool = _header["diff"]
        self._remote_tmp: str = _header["remote_tmp"]
        self._tmpdir = ""
        self._warnings: list[str] = []

    @property
    def tmpdir(self) -> str:
        """A directory for this module alone, which goes with it: made when it is first asked for."""
        if not self._tmpdir:
            import atexit
            import shutil
            import tempfile

            around: str | None = os.path.expanduser(os.path.expandvars(self._remote_tmp))
            try:
                os.makedirs(around or "", mode=0o700, exist_ok=True)
            except OSError as error:
                self.warn(f"{around} cannot be made ({error.strerror}); {tempfile.gettempdir()} is used instead.")
                around = None
            self._tmpdir = tempfile.mkdtemp(prefix="ansible-moduletmp-", dir=around)
            atexit.register(shutil.rmtree, self._tmpdir, ignore_errors=True)
        return self._tmpdir

    def warn(self, warning: str) -> None:
        """Have the controller show a warning."""
        self._warnings.append(warning)

    def exit_json(self, **result: object) -> NoReturn:
        """End the module with its result."""
        self._return_formatted(result)
        raise SystemExit(0)

    def fail_json(self, msg: str, **result: object) -> NoReturn:
        """End the module with a failure."""
        self._return_formatted({"failed": True, "msg": msg, **result})
        raise SystemExit(1)

    def _return_formatted(self, kwargs: dict[str, Any]) -> None:
        """Print the result: the last thing that every module does."""
        result = {"changed": False, **kwargs, "warnings": self._warnings}
        if self.no_log_values:
            result = _without(result, sorted(filter(None, self.no_log_values), key=len, reverse=True))
        if self.payload is not None:
            _drain(self.payload)
        sys.stdout.write(f"\n{_header['mark']}{json.dumps(result)}\n")
        sys.stdout.flush()


def _texts(value: object) -> set[str]:
    """All texts in an argument."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        return {text for each in value for text in _texts(each)}
    return {value} if isinstance(value, str) else set()


def _without(value: Any, secrets: list[str]) -> Any:
    """A result without these texts, the longest of them first."""
    if isinstance(value, dict):
        return {key: _without(each, secrets) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without(each, secrets) for each in value]
    if isinstance(value, str):
        if value in secrets:
            return _HIDDEN
        for secret in secrets:
            value = value.replace(secret, "*" * 8)
    return value


def _drain(stream: BinaryIO) -> None:
    """Read what nobody has read: the controller would take our end for a lost connection while it still sends."""
    while stream.read(_BLOCK):
        pass


class _Importer:
    """Finds the role's files in memory, under the names that Ansible gives them on a host.

    A file is compiled when it is used for the first time, which ``from … import`` of what is in it is, and ``import``
    of the file is not. Compiling all of them would take longer than most of the work.
    """

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(self, name: str, *_: object) -> ModuleSpec | None:
        """The module of that name; None if it is not one of ours."""
        is_package = f"{name}.__init__" in self._sources
        if not is_package and name not in self._sources:
            return None
        loader = self if is_package else LazyLoader(self)  # type: ignore[arg-type]
        spec = ModuleSpec(name, loader, origin=f"<{name}>", is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Have Python make the module."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the file."""
        exec(compile(self.get_source(module.__name__), f"<{module.__name__}>", "exec"), module.__dict__)  # noqa: S102

    def get_source(self, name: str) -> str:
        """The text of a module: ``inspect`` and tracebacks ask for it."""
        return self._sources.get(name) or self._sources[f"{name}.__init__"]


def start(module: str, sources: Mapping[str, str]) -> None:
    """Run the module of this name with the header and the payload that come on the standard input.

    Args:
        module: the module.
        sources: the text of each file, by the name under which it is imported; of a package with ``.__init__``.
    """
    stream = sys.stdin.buffer
    _header.update(json.loads(stream.read(int(stream.readline()))))
    os.environ.update(_header["environment"])
    if "TZ" in _header["environment"]:
        import time

        time.tzset()
    if not os.access(".", os.R_OK | os.X_OK):  # the home of the login, where another user runs this
        os.chdir("/")
    if not _header["has_payload"]:
        _drain(stream)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
    sys.modules[f"{_PACKAGE}.basic"] = sys.modules["__main__"]
    sys.meta_path.insert(0, _Importer(sources))
    name = f"{_PACKAGE}.{module}"
    code = compile(sources[name], f"<{name}>", "exec", dont_inherit=True)
    try:
        exec(code, {"__name__": "__main__"})  # noqa: S102
    except SystemExit as end:
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))


def _leave(code: int) -> NoReturn:
    """End this process without taking the interpreter apart, which takes longer than to write a few files."""
    import atexit

    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)
