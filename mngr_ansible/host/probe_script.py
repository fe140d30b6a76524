"""Look at a host once: one read-only POSIX sh script, one round trip, no python; and read its answer strictly.

The answer is data from a stranger: it is bounded, framed by a nonce, and every line must be one that we asked for.
"""

import posixpath
import shlex
from collections.abc import Sequence

from mngr_ansible.host.probe_request import ProbePath, ProbeRequest, groups, needs_root_probe, parents_of
from mngr_ansible.portable import check_script, managers

_FACTS = r"""
H=$HOME
[ -n "$H" ] || H=$(eval "echo ~$(id -un)")
while case $H in ?*/) : ;; *) false ;; esac; do H=${H%/}; done
say home "$H"
say user "$(id -un 2>/dev/null || id -u)"
say uid "$(id -u)"
say groups "$(id -G)"
for t in "$H" /tmp /var/tmp; do
  if [ -d "$t" ] && [ -w "$t" ] && [ -x "$t" ]; then say tmp "$t"; break; fi
done
say system "$(uname -s) $(uname -m)"
if [ -r /etc/os-release ]; then
  sed -n -e 's/^ID=/os ID=/p' -e 's/^VERSION_ID=/os VERSION_ID=/p' -e 's/^PRETTY_NAME=/os PRETTY_NAME=/p' \
    -e 's/^ID_LIKE=/os ID_LIKE=/p' -e 's/^NAME=/os NAME=/p' /etc/os-release
fi
(@PATHS@for m in @MANAGERS@; do
  if command -v "${m#*:}" >/dev/null 2>&1; then say manager "${m%:*}"; fi
done)
for m in curl gpg; do
  if command -v "$m" >/dev/null 2>&1; then say program "$m"; fi
done
PY=
for p in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python3.9 /usr/libexec/platform-python; do
  if f=$(command -v "$p" 2>/dev/null); then
    v=$("$f" -c 'import json, sys; print("%d.%d %s" % (sys.version_info[:2] + (sys.executable,)))' 2>/dev/null)
    case $v in
      3.[0-8]\ *) say oldpython "$v" ;;
      3.*) say python "$v"; PY=1; break ;;
    esac
  fi
done
PRIVILEGE=none
if [ "$(id -u)" = 0 ]; then PRIVILEGE=root
elif [ -n "$ROOT" ] || [ -z "$PY" ]; then
  if timeout -k 1 1 true >/dev/null 2>&1; then B='timeout -k 1 10'; else B=; fi
  if command -v sudo >/dev/null 2>&1 && S=$($B sudo -n true 2>&1); then PRIVILEGE=sudo
  elif case $?:$S in 124:* | 137:*) say hindrance slow ;; *tty*) say hindrance tty ;; esac; false; then :
  elif command -v doas >/dev/null 2>&1 && $B doas -n true >/dev/null 2>&1; then PRIVILEGE=doas
  elif [ -n "$mngr_password" ]; then
    case $(sudo --version 2>&1) in
      sudo-rs*) say hindrance rs ;;
      *) if printf '%s\n' "$mngr_password" | sudo -k -S -p '' true >/dev/null 2>&1; then PRIVILEGE=password; fi ;;
    esac
  fi
fi
say privilege "$PRIVILEGE"
""".replace("@PATHS@", check_script.PATHS).replace(
    "@MANAGERS@", " ".join(f"{name}:{row.program}" for name, row in managers.TABLE.items())
)

_REAL = """
cd -P "$H" && say realhome "$PWD"
cd -P "$W" && say realwork "$PWD"
cd /
"""

_LOOK = r"""
kinds() { for p do
  if [ -L "$p" ]; then printf l; elif [ -f "$p" ]; then if [ -r "$p" ]; then printf f; else printf u; fi
  elif [ -d "$p" ]; then printf d; elif [ -e "$p" ]; then printf o; else printf n; fi
done; echo; }
plain() { for p do if [ -f "$p" ] && [ -r "$p" ] && [ ! -L "$p" ]; then printf '%s\0' "$p"; fi; done; }
if command -v sha256sum >/dev/null 2>&1; then sum() { sha256sum "$@"; }; SUM=sha256sum
else sum() { shasum -a 256 "$@"; }; SUM='shasum -a 256'; fi
if stat -c %a / >/dev/null 2>&1; then STAT='stat -c %a:%u:%g:%s'; else STAT='stat -f %Lp:%u:%g:%z'; fi
modes() { printf '%s\0' "$@" | xargs -0 -r $STAT -- 2>/dev/null | sed 's/^/mode /'; }
hashes() { case $k in
    *[lo]*) plain "$@" ;;
    *) printf '%s\0' "$@" ;;
  esac | xargs -0 -r $SUM -- 2>/dev/null | sed -e 's/^\\//' -e 's/^\([0-9a-f]*\).*/hash \1/'; }
one_by_one() { for p do if [ -f "$p" ] && [ -r "$p" ] && [ ! -L "$p" ]; then
  sum <"$p" 2>/dev/null | sed 's/^\([0-9a-f]*\).*/hash \1/'; fi; done; }
links() { for p do if [ -L "$p" ]; then readlink "$p" | sum | sed 's/^\([0-9a-f]*\).*/link \1/'; fi; done; }
may_write() { if [ -w "$1" ] && [ -x "$1" ]; then printf "$2"; else printf "$3"; fi; }
above() { while [ ! -e "$p" ] && [ ! -L "$p" ]; do
  case $p in */*) p=${p%/*} ;; *) p=. ;; esac; [ -n "$p" ] || p=/; n=$((n+1))
done; }
parents() { for p do
  if [ -d "$p" ]; then may_write "$p" w r
  else n=0; above; if [ -d "$p" ]; then may_write "$p" W R; else printf x; fi
  fi
done; echo; }
hexed() { od -An -v -tx1 | tr -d ' \n'; }
reals() { who=$1; shift; i=0; for p do n=0; above
  if cd -P "$p" 2>/dev/null && [ "$PWD" != "$p" ]; then
    case $PWD in
      *[!A-Za-z0-9/._@%+=:,-]*) printf 'real %s %s %s %s\n' "$who" "$i" "$n" "$(printf %s "$PWD" | hexed)" ;;
      *) printf 'real %s %s %s =%s\n' "$who" "$i" "$n" "$PWD" ;;
    esac
  fi
  i=$((i+1))
done; cd /; }
listing() { if [ -d "$2" ] && [ ! -L "$2" ] && cd -P "$2" 2>/dev/null; then
  printf 'listing %s d ' "$1"; find . -xdev -type d -print0 | hexed; echo
  printf 'listing %s f ' "$1"; find . -xdev ! -type d -print0 | hexed; echo
  cd /
fi; }
group_number() {
  if command -v getent >/dev/null 2>&1; then getent group "$1" | { IFS=: read -r _ _ g _; echo "$g"; }
  else while IFS=: read -r n _ g _; do if [ "$n" = "$1" ]; then echo "$g"; fi; done </etc/group; fi
}
"""


def probe_script(question: ProbeRequest, places: Sequence[ProbePath], nonce: str) -> str:
    """The probe's text for these places; every word of a plugin in it is quoted."""
    if question.work_dir.startswith("/"):
        work = shlex.quote(posixpath.normpath(question.work_dir))
    else:
        below = "" if question.work_dir == "~" else question.work_dir.removeprefix("~/").lstrip("/")
        below = posixpath.normpath(below)
        work = '"$H"' if below == "." else f'"$H"/{shlex.quote(below)}'
    password = shlex.quote(question.password or "")
    wants_root = "1" if question.requirements or question.become or any(map(needs_root_probe, question.claims)) else ""
    looks = []
    for as_root in (False, True):
        text = _look_text([place for place in places if place.as_root is as_root], question, as_root=as_root)
        if text and (as_root or question.become):
            text = (
                f"if [ \"$PRIVILEGE\" = sudo ]; then printf '%s\\n' {shlex.quote(_LOOK + text)} | "
                f'sudo -n env LC_ALL=C H="$H" W="$W" sh\n'
                'elif [ "$PRIVILEGE" = password ]; then '
                f"printf '%s\\n%s\\n' \"$mngr_password\" {shlex.quote(_LOOK + text)} | "
                f'sudo -k -S -p \'\' env LC_ALL=C H="$H" W="$W" sh\nelse\n{text}\nfi\n'
            )
        looks.append(text)
    owners = "".join(
        f'say owner "$({"id -u --" if kind == "user" else "group_number"} {shlex.quote(name)} 2>/dev/null)"\n'
        for kind, name in question.owners()
    )
    eyes = (_REAL if question.mirrors() else "") + (_LOOK if places or owners or question.mirrors() else "")
    return (
        'say() { printf \'%s %s\\n\' "$1" "$2"; }\n'
        f"main() {{\nLC_ALL=C; export LC_ALL\nROOT={wants_root}\n"
        f"unset mngr_password\nmngr_password={password}\nprintf '\\n%s begin\\n' {nonce}\n{_FACTS}"
        f'W={work}\nsay work_dir "$W"\n{eyes}\n{owners}{"".join(looks)}\n'
        + (f"echo checks\n{check_script.script(question.requirements)}\n" if question.requirements else "")
        + f"printf '%s end\\n' {nonce}\n}}\nmain </dev/null 2>/dev/null\n"
    )


def _look_text(places: Sequence[ProbePath], question: ProbeRequest, *, as_root: bool) -> str:
    parts = []
    for group in groups(places):
        hashing = "" if not group[0].is_hashed else "one_by_one" if group[0].is_odd else "hashes"
        parts.append(f'set -- {_words(group)}\nk=$(kinds "$@"); echo "kinds $k"\nmodes "$@"\n')
        parts.append('case $k in *l*) links "$@" ;; esac\n')
        parts.append(f'{hashing} "$@"\n' if hashing else "")
    if places:
        parts.append(f"set -- {_words(parents_of(places, as_root=as_root))}\nprintf 'parents '; parents \"$@\"\n")
        parts.append(f'reals {int(as_root)} "$@"\n')
    for index, mirror in enumerate(question.mirrors()):
        if mirror.as_root is as_root:
            parts.append(f"listing {index} {_words([mirror])}\n")
    return "".join(parts)


def _words(places: Sequence[ProbePath]) -> str:
    return " ".join(map(_word, places))


def _word(spot: ProbePath) -> str:
    if not spot.base:
        return shlex.quote(spot.rest)
    return f'"${spot.base}"' if spot.rest == "." else f'"${spot.base}"/{shlex.quote(spot.rest)}'
