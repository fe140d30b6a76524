"""What a plugin does when it is imported, and what mngr says of its hooks: a program, run by ``check-plugin``.

``python -m mngr_ansible.mngr.plugin_start FILE MODULE[:OBJECT] NAME [DIRECTORY]`` writes one line of JSON, a
:class:`Start`, to FILE. Its stderr is a file, which tells what the plugin printed, also by programs. A plugin
is loaded here as mngr loads it, in a process of its own: it may print, start something, or never end. mngr's modules
are imported before, so that what is counted is the plugin's alone. DIRECTORY: where its module is, if it is not
installed.
"""

import contextlib
import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TypedDict

_MOST = 20
"""Deeds that are kept."""

_STARTED = {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn"}
_CHANGED = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.link", "os.chmod", "os.truncate"}
_OTHER = {"os.putenv": "changes the environment", "os.chdir": "changes the current directory"}


class Start(TypedDict):
    """What happened when the plugin was imported.

    ``seconds``: of the processor, so that a busy machine does not count. ``modules``: that were imported for it.
    ``deeds``: what it did besides defining things, as clauses with ``FILE:LINE``. ``printed``: what it printed.
    ``error``: why it cannot be imported; empty if it can.
    ``is_mngr``: mngr is installed here. ``refusal``: why mngr does not take the plugin, for which every command of mngr
    would end; empty where it does. ``is_disabled``: mngr's settings disable it. ``hooks``: the names of mngr's own
    hooks.
    """

    seconds: float
    modules: int
    deeds: list[str]
    printed: str
    error: str
    is_mngr: bool
    refusal: str
    is_disabled: bool
    hooks: list[str]


def main(value: str, name: str) -> Start:
    """Load the plugin of an entry point, and register it as mngr does."""
    is_mngr = _is_mngr_here()
    if is_mngr:
        importlib.import_module("imbue.mngr.cli.plugin_manager")
    start = Start(
        seconds=0, modules=0, deeds=[], printed="", error="", is_mngr=is_mngr, refusal="", is_disabled=False, hooks=[]
    )
    before, position = set(sys.modules), _position()
    witness = _Witness(value.partition(":")[0])
    sys.addaudithook(witness)
    sleep = time.sleep

    def noted_sleep(seconds: Any, /) -> None:
        witness.note("waits")
        sleep(seconds)

    time.sleep = noted_sleep  # it has an audit event from Python 3.13 on
    began = time.process_time()
    plugin: object = None
    try:
        plugin = importlib.metadata.EntryPoint(name, value, "mngr").load()
    except BaseException as error:  # noqa: BLE001 - whatever a plugin does when it is imported
        start["error"] = f"{type(error).__name__}: {error}"
    finally:
        witness.is_watching = False
        time.sleep = sleep
    start["seconds"] = time.process_time() - began
    start["modules"] = len(set(sys.modules) - before)
    start["deeds"] = list(dict.fromkeys(witness.deeds))
    if length := _position() - position:
        start["printed"] = os.pread(2, min(length, 200), position).decode("utf-8", "backslashreplace")
    if is_mngr and not start["error"]:
        start["hooks"], start["refusal"] = _registered(plugin, name)
        start["is_disabled"] = _is_disabled(name)
    return start


def _position() -> int:
    """How much is in the file to which stdout and stderr lead."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the plugin may have put something else in its place
            stream.flush()
    return os.lseek(2, 0, os.SEEK_END)


def _is_mngr_here() -> bool:
    try:
        return importlib.util.find_spec("imbue.mngr") is not None
    except ModuleNotFoundError:
        return False


def _registered(plugin: object, name: str) -> tuple[list[str], str]:
    """The names of mngr's hooks, and why mngr's plugin manager refuses the plugin; empty if it takes it."""
    import pluggy
    from imbue.mngr.plugins import hookspecs

    manager = pluggy.PluginManager("mngr")
    manager.add_hookspecs(hookspecs)
    names = sorted(each for each, caller in vars(manager.hook).items() if getattr(caller, "spec", None) is not None)
    try:
        manager.register(plugin, name)
    except Exception as error:  # noqa: BLE001 - whatever it is, mngr does not catch it
        return names, " ".join(str(error).split())
    return names, ""


def _is_disabled(name: str) -> bool:
    """Whether mngr's settings, of the user or of the project here, disable the plugin."""
    from imbue.mngr.config.pre_readers import read_disabled_plugins

    try:
        return name in read_disabled_plugins()
    except Exception:  # noqa: BLE001 - settings that cannot be read are no matter of the plugin
        return False


class _Witness:
    """Notes what is done while a plugin is imported. Source: Python's audit events, PEP 578."""

    def __init__(self, module: str) -> None:
        self.package = module.partition(".")[0]
        self.deeds: list[str] = []
        self.is_watching = True
        self._thread = threading.local()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        is_ours = getattr(self._thread, "is_noting", False)
        if self.is_watching and not is_ours and len(self.deeds) < _MOST and (deed := _deed(event, arguments)):
            self.note(deed)

    def note(self, deed: str) -> None:
        """Keep what was done, and where."""
        self._thread.is_noting = True  # what this thread does here is ours
        try:
            self.deeds.append(f"{deed}{self._place()}")
        finally:
            self._thread.is_noting = False

    def _place(self) -> str:
        """Where in the plugin's own code; empty where no line of it is running."""
        for frame in reversed(traceback.extract_stack()):
            names = Path(frame.filename).parts
            if self.package in names or f"{self.package}.py" in names:
                return f" ({frame.filename}:{frame.lineno})"
        return ""


def _deed(event: str, arguments: tuple[Any, ...]) -> str:
    """What an audit event means, as a clause; empty for what every import does."""
    first = str(arguments[0]) if arguments else ""
    if event in _STARTED:
        return f"starts a program ({first})" if first else "starts a process"
    if event == "_thread.start_new_thread":
        return "starts a thread"
    if event in ("socket.connect", "socket.getaddrinfo"):
        return "uses the network"
    if event in _OTHER:
        return _OTHER[event]
    is_written = event == "open" and not first.isdecimal() and _is_for_writing(arguments)
    if (is_written or event in _CHANGED) and "__pycache__" not in first and not first.startswith("/dev/"):
        return f"writes {first}"
    return ""


def _is_for_writing(arguments: tuple[Any, ...]) -> bool:
    _path, mode, flags = (*arguments, None, None, None)[:3]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) != 0


if __name__ == "__main__":
    os.dup2(2, 1)
    sys.path += sys.argv[4:]
    answer = main(*sys.argv[2:4])
    with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123 - like the others of this program
        file.write(f"{json.dumps(answer)}\n")
    os._exit(0)  # whatever the plugin has left running
