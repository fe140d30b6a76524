"""Which programs that fail cannot start, and in which of their lines they say why."""

from __future__ import annotations

import pytest

from mngr_ansible.portable.broken_programs import why_it_does_not_start

NODE = "node:internal/modules/cjs/loader:1143\n  throw err;\n  ^\n\n"
CODEX = (
    "Error: Missing optional dependency @openai/codex-linux-x64. Reinstall Codex: npm install -g @openai/codex@latest"
)
RUSTUP = "error: rustup could not choose a version of cargo to run, because one wasn't specified explicitly"
SNAP = "Command '/usr/bin/chromium-browser' requires the chromium snap to be installed."
TRACEBACK = 'Traceback (most recent call last):\n  File "/usr/bin/http", line 5, in <module>\n'
PYENV = "\nThe `ruff' command exists in these Python versions:\n  3.12.1"

# What real programs print when something that they need is missing: exit status, what is printed before the line that
# says why, that line, and what is printed after it.
BROKEN = [
    (
        "1",
        f"file:///usr/lib/node_modules/@openai/codex/bin/codex.js:100\n{NODE}",
        CODEX,
        "\n    at file:///usr/lib/x.js",
    ),
    (
        "1",
        "x.js:2\nthrow new Error('it is missing')\n^\n",
        "Error: it is missing, cannot find module y",
        "\n    at Object",
    ),
    ("1", NODE, "Error: Cannot find module 'semver'", "\nRequire stack:"),
    ("1", TRACEBACK, "ModuleNotFoundError: No module named 'httpie'", ""),
    ("127", "", "tool: error while loading shared libraries: libssl.so.1.1: cannot open shared object file", ""),
    ("1", "", "tool: /lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by tool)", ""),
    ("126", "", "sh: 1: tool: Exec format error", ""),
    ("1", "", RUSTUP, "\nhelp: run 'rustup default stable' to download the latest stable release of Rust"),
    ("127", "", "pyenv: ruff: command not found", PYENV),
    ("126", "", "No version is set for command node", "\nConsider adding one of the following"),
    ("1", "", SNAP, "\nPlease install it with:\n\nsnap install chromium"),
    ("1", "", "Error: JAVA_HOME is not defined correctly.", "\n  We cannot execute /usr/lib/jvm/bin/java"),
    ("2", "", "Can't locate Term/ReadKey.pm in @INC (you may need to install the Term::ReadKey module)", ""),
    ("1", "", "TypeError: Cannot read properties of undefined (reading 'x')", "\n    at Object.<anonymous>"),
    ("1", "", "Error: Unable to access jarfile /opt/tool/tool.jar", ""),
    ("131", "", "You must install .NET to run this application.", "\n\nApp: /usr/bin/tool"),
    ("1", "", "tool requires Node.js v20 or newer, you have v18.19.0", ""),
    ("134", "", "terminate called after throwing an instance of 'std::bad_alloc'", ""),
]

# What programs answer that start and do not know the option, or do not run for this user or without their service.
WORKING = [
    ("1", "tmux: unknown option -- -\nusage: tmux [-2CDlNuvV] [-c shell-command] [-f file]"),
    ("255", "unknown option -- -\nusage: ssh [-46AaCfGgKkMNnqsTtVvXxYy] [-B bind_interface]"),
    ("1", "error: unknown flag: --version\nSee 'kubectl --help' for usage."),
    ("1", "Unrecognized option: --version\nError: Could not create the Java Virtual Machine."),
    ("2", "flag provided but not defined: -version\nGo is a tool for managing Go source code."),
    ("255", 'Option "--version" is unknown, try "ip -help".'),
    ("2", "dash: 0: Illegal option --"),
    ("1", "Invalid command '--version'; type \"help\" for a list."),
    ("127", "--version: applet not found"),
    ("1", "nc: invalid option -- '-'"),
    ("2", "ERROR: missing required argument FILE"),
    ("1", "Error: not logged in. Please run login first"),
    ("101", "error: could not find Cargo.toml in / or any parent directory"),
    ("128", "fatal: not a git repository (or any of the parent directories): .git"),
    ("1", "Error: /home/me/.tool.yml: no such file or directory"),
    ("1", "error: you must be root to run this command; it could not open /run/lock"),
    ("1", "Error: cannot connect to the daemon at unix:///run/x.sock"),
    ("1", ""),
    ("64", "give me a file"),
]


@pytest.mark.parametrize(("status", "before", "why", "after"), BROKEN)
def test_a_program_that_cannot_start_says_why_in_one_line(status: str, before: str, why: str, after: str) -> None:
    assert why_it_does_not_start(status, [], f"{before}{why}{after}".splitlines()) == why


@pytest.mark.parametrize(("status", "why"), [("139", "it is ended by SIGSEGV"), ("127", "exit status 127")])
def test_a_program_that_cannot_start_and_says_nothing_has_its_status_as_the_reason(status: str, why: str) -> None:
    assert why_it_does_not_start(status, [], []) == why


@pytest.mark.parametrize(("status", "errors"), WORKING)
def test_a_program_that_does_not_know_the_option_starts(status: str, errors: str) -> None:
    assert why_it_does_not_start(status, [], errors.splitlines()) == ""
    assert why_it_does_not_start(status, errors.splitlines(), []) == ""


@pytest.mark.parametrize(
    "line",
    [
        "timeout: failed to run command '/usr/bin/tool': No such file or directory",
        "timeout: can't execute '/usr/bin/tool': No such file or directory",
        "timeout: failed to execute process: No such file or directory (os error 2)",
    ],
)
def test_a_file_that_is_there_and_not_found_has_no_interpreter(line: str) -> None:
    why = why_it_does_not_start("127", [], [line])
    assert why == "the interpreter that its first line names, or its loader, is missing"
