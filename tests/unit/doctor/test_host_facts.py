"""What a host says of itself is read strictly: nothing that was not asked, nothing endless, nothing unprintable."""

from hypothesis import given
from hypothesis import strategies as st

from mngr_ansible.doctor.host_facts import Lock, Place, facts_script, parse_facts
from mngr_ansible.host.connection import ShellResult

ANSWER = """begin 1000
shell /bin/zsh
proxy http_proxy http://proxy:3128
setting npm-age /root/.npmrc
space home 1024 /home of/dev
mount home ext4 rw,noexec
inodes home 100 7
writable home
memory 2048
lock 312 /var/lib/dpkg/lock-frontend apt get
stale /var/lib/pacman/db.lck
firstboot cloud-init
interrupted dpkg
hold vim
unfinished stuck
broken apt E: Malformed line 1
site apt https://deb.example.org
site npm https://npm.example.org
reach https://deb.example.org curl 0 status 200
reach https://elsewhere.example curl 0 status 200
end 1003
"""


def facts(text, asked=(), noise=0):
    return parse_facts(ShellResult(text, "", 0, noise), asked)


def test_each_line_is_read():
    found = facts(ANSWER, [("apt", "https://vendor.example")], noise=21)
    assert (found.begin, found.end, found.noise, found.shell, found.memory) == (1000, 1003, 21, "/bin/zsh", 2048 * 1024)
    assert found.proxies == {"http_proxy": "http://proxy:3128"}
    assert found.settings == {"npm-age": "/root/.npmrc"}
    assert found.places["home"] == Place(1024 * 1024, "/home of/dev", (100, 7), "ext4", ("rw", "noexec"), "writable")
    assert found.places["tmp"] == Place()
    assert found.locks == (Lock(312, "/var/lib/dpkg/lock-frontend", "apt get"),)
    assert (found.stale, found.is_booting, found.is_interrupted) == (("/var/lib/pacman/db.lck",), True, True)
    assert (found.held, found.unfinished) == (("vim",), ("stuck",))
    assert found.broken == {"apt": "E: Malformed line 1"}
    assert found.is_whole


def test_only_servers_that_were_named_or_asked_for_have_an_answer():
    found = facts(ANSWER, [("apt", "https://vendor.example")])
    assert set(found.sites) == {"https://deb.example.org", "https://npm.example.org", "https://vendor.example"}
    assert set(found.reached) == {"https://deb.example.org"}


def test_a_login_that_the_host_did_not_leave_out_is_left_out():
    answer = """proxy http_proxy http://u:S3CRET/a@b c@h
aptproxy http http://u:S3CRET'a@h
broken apt E: http://u:S3CRET/a@h is wrong
setting npm-age /http://u:S3CRET@h
site npm https://h
site npm https://u:S3CRET/x@h
site python source:S3CRET@h
reach https://h curl 5 curl: (5) Unsupported proxy syntax in 'http://u:S3CRET/a@h:99999' status 000
"""
    found = facts(answer)
    assert "S3CRET" not in str(found)
    assert found.proxies == {"http_proxy": "http://h"}
    assert "Unsupported proxy syntax in 'http://h:99999'" in found.reached["https://h"].words


def test_an_answer_that_is_cut_is_not_whole():
    assert not facts(ANSWER.partition("end ")[0]).is_whole


def test_an_answer_without_end_is_cut_and_control_characters_are_escaped():
    found = facts("shell /bin/\x1b[31mzsh\n" + "hold x\n" * 100_000 + f"broken apt {'y' * 10_000}\n")
    assert "\x1b" not in found.shell
    assert len(found.held) == 60
    assert len(str(found)) < 5_000


@given(st.text())
def test_no_answer_breaks_it(text):
    for line in ("begin", "space home", "lock", "reach", "site", "inodes home", "proxy", "memory"):
        facts(f"{line} {text}")


def test_what_is_asked_for_is_quoted_in_the_script():
    script = facts_script([("apt", "https://x/$(touch /tmp/x)'")])
    assert """'apt https://x/$(touch /tmp/x)'"'"''""" in script
    assert not [line for line in script.splitlines() if line.lstrip().startswith("#")]
    assert "@ASKED@" not in script
