"""The links on the way to a directory, as a look with ``sh`` found them: the rule of :mod:`mngr_files_directories`.

Runs on the controller; standard library only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .mngr_files_paths import RefusedError, printable_path

if TYPE_CHECKING:
    from .mngr_files_permissions import Place


class _User(NamedTuple):
    """A user of the host: the number, and the name for people."""

    uid: int
    name: str


class _Link(NamedTuple):
    """A link, whose it is, and whose the directory is that holds it."""

    path: bytes
    owner: _User
    holder: _User


class Way:
    """How a directory is reached; only of one to which links lead."""

    def __init__(self) -> None:
        self._links: list[_Link] = []
        self._real = b""
        self._owners: list[_User] = []

    def add(self, word: str, words: list[str]) -> None:
        """Take what a script says of a link, or of the real directory: its path, and its owners up to ``/``.

        Raises:
            ValueError, IndexError: it is not what the script prints.
        """
        if word == "link":
            self._links.append(_Link(_bytes(" ".join(words[2:])), _user(words[0]), _user(words[1])))
            return
        line, length = _bytes(" ".join(words[1:])), int(words[0])  # in bytes
        self._real = line[:length]
        self._owners = [_user(each) for each in line[length:].decode("utf-8", "surrogateescape").split()]

    def refuse_foreign(self, uid: int, owner: int | None, place: Place) -> None:
        """Refuse a link that this user does not follow.

        Args:
            uid: who changes something.
            owner: the user to whom it is to belong; None if none is given.
            place: the directory in which it is changed.

        Raises:
            RefusedError: with the link, and why.
        """
        if not self._owners:
            return
        trusted = {0, self._owners[-1].uid, uid}
        stranger: _Link | None = None
        for link in self._links:
            if uid != 0:
                if link.owner.uid not in trusted:
                    why = "is a link of %s, and we are not that user; it is not followed. Give the real path"
                    raise RefusedError(link.path, why % link.owner.name)
                continue
            people = {each.uid: each for each in (link.owner, link.holder) if each.uid not in trusted}
            if stranger is not None:
                people.setdefault(stranger.owner.uid, stranger.owner)
            if len(people) > 1:
                names = " and ".join(sorted(each.name for each in people.values()))
                why = "is a link that depends on %s; root follows no link of two users. Give the real path" % names
                raise RefusedError(link.path, why)
            if people:
                stranger = link._replace(owner=next(iter(people.values())))
        if stranger is not None:
            self._refuse_stranger(stranger, trusted, owner, place)

    def _refuse_stranger(self, link: _Link, trusted: set[int], owner: int | None, place: Place) -> None:
        user = link.owner
        strangers = [each for each in self._owners if each.uid not in trusted and each.uid != user.uid]
        if user.uid in (each.uid for each in self._owners) and not strangers:
            return
        real = printable_path(self._real)
        if owner == user.uid and not strangers:
            if place.mode & (0o300 if place.uid == owner else 0o003) in (0o300, 0o003):
                return
            why = "is a link of %s to %s, where %s may not write. Give the real path as the destination"
            raise RefusedError(link.path, why % (user.name, real, user.name))
        whose = (strangers or self._owners)[0].name
        why = "is a link of %s to %s, which belongs to %s; root does not follow it. " % (user.name, real, whose)
        more = "" if strangers else ", or the owner %s to write with the rights of that user" % user.name
        raise RefusedError(link.path, "%sGive the real path as the destination%s" % (why, more))


def _user(text: str) -> _User:
    uid, _, name = text.partition(":")
    return _User(int(uid), name or uid)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
