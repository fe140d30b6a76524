"""Another shell in the place of our command: how it is found, and which line of a start-up file is named."""

import pytest

from mngr_ansible.errors import HostError
from mngr_ansible.host import login_shell
from mngr_ansible.host.connection import ShellResult

OWN = "\nmngr-ansible: own shell\n"
OTHER = "\nmngr-ansible: another shell\n"


def explained(*facts: str) -> HostError:
    """The error of a host whose stray shell answers so."""
    answer = "".join(f"mngr-shell {fact}\n" for fact in facts)
    return login_shell.explain(ShellResult(OTHER, "", 0), lambda _script, _seconds: ShellResult(answer, "", 0))


def test_what_a_login_shell_prints_is_no_part_of_the_answer_but_its_length_is_known():
    found = login_shell.without_noise(ShellResult(f"hello\n{OWN}answer\n", "", 0))

    assert found == ShellResult("answer\n", "", 0, noise=6)


@pytest.mark.parametrize("output", ["", "no such luck\n", OTHER, f"{OTHER}{OWN}answer"])
def test_an_answer_that_our_own_command_did_not_give_is_none(output):
    assert login_shell.without_noise(ShellResult(output, "", 0)) is None


def test_the_question_is_one_command_that_sh_fish_and_csh_read_alike():
    asked: list[str] = []

    def ask(script: str, _seconds: float) -> ShellResult:
        asked.append(script)
        return ShellResult("", "", 0)

    login_shell.explain(ShellResult("", "", 0), ask)
    (script,) = asked
    assert script.startswith("/bin/sh -c '")
    assert script.endswith("'\n")
    assert (script.count("\n"), script.count("'")) == (1, 2)
    assert not {"!", "@"} & set(script)
    assert "\\\\" not in script


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("exec zsh", "exec zsh"),
        ("  exec /bin/zsh -l", "exec /bin/zsh"),
        ("[ -t 1 ] || exec -l zsh", "exec -l zsh"),
        ('if [ -z "$X" ]; then exec "$(which zsh)" --login; fi', 'exec "$(which zsh)"'),
        ("exec $SHELL", "exec $SHELL"),
        ('exec "${MY_SHELL}" -i', 'exec "${MY_SHELL}"'),
        ("exec env TOKEN=secret zsh", "exec env"),
        ("zsh", "zsh"),
        ("command -v zsh >/dev/null && zsh", "zsh"),
        ("if true; then /usr/bin/zsh; fi", "/usr/bin/zsh"),
    ],
)
def test_the_line_that_starts_the_shell_is_named_without_what_may_be_secret(line, words):
    error = explained("name zsh", "login bash", "line /home/u/.bashrc:3:# exec zsh", f"line /home/u/.bashrc:7:{line}")

    assert error.problem == (
        f"its login shell starts zsh in the place of every command: /home/u/.bashrc, line 7 ({words})"
    )
    assert "put this line before it: case $- in *i*) ;; *) return ;; esac" in error.remedy
    assert "secret" not in str(error) + error.remedy


def test_the_line_that_names_the_shell_comes_before_others():
    error = explained(
        "name fish", "login bash", "line /a:1:exec 2>/dev/null", "line /a:2:exec tmux", "line /b:9:exec fish"
    )

    assert "/b, line 9 (exec fish)" in error.problem


def test_where_no_line_is_found_the_shell_is_named_and_how_it_is_guarded():
    error = explained("name zsh", "login tcsh")

    assert error.problem == "a start-up file of its login shell starts zsh in the place of every command"
    assert error.remedy.endswith("put this line before it: if ($?prompt) then; and this one after it: endif.")


def test_a_forced_command_is_not_searched_in_start_up_files():
    error = explained("name bash", "login bash", "forced", "line /a:1:exec bash")

    assert error.problem.startswith("its sshd starts bash in the place of every command (ForceCommand")


def test_what_the_host_says_is_escaped():
    error = explained("name \x1b[31m", "login bash", "line /a\x1b:1:exec \x1b[2J")

    assert "\x1b" not in str(error) + error.remedy


def test_a_start_up_file_that_reads_a_part_of_the_script_is_named_as_that():
    answer = "kinds n\n\n2fe7c7166432f58e end\n"
    error = login_shell.not_run(ShellResult(answer, "", 0))
    assert "read a part of the script" in error.problem
    assert error.remedy is not None
    assert "< /dev/null" in error.remedy
    assert login_shell.not_run(ShellResult("hello end\n", "", 0)).problem.endswith(": hello end")


def test_an_image_that_names_the_user_to_use_is_understood():
    said = 'Please login as the user "admin" rather than the user "root".\n'
    error = login_shell.not_run(ShellResult(said, "", 142))
    assert error.remedy == "Give that user: --host admin@HOST, or in your ssh configuration."
