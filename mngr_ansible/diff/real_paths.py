"""Where a destination really is, and whether we go there: the links on its way, and whose they are. Pure.

The rule is that of the role ``mngr_files`` (``mngr_files_directories``), which decides again by descriptor when it
writes; here it is decided beforehand, so that a plan says what a run would refuse. Source: docs/security.md "Links on
the way to a destination".
"""

import posixpath
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from mngr_ansible.host.state import HostState, PathNode
from mngr_ansible.portable.text import printable
from mngr_ansible.values import frozen

_MOST_LINKS = 40
"""Links that one path may have, as in path_resolution(7)."""


@frozen
class RealPath:
    """Where a directory really is, and whether we write there.

    Attributes:
        real: the directory without links; what does not exist yet is below the last directory that does.
        link: the first link on the way, as the destination names it; empty if there is none.
        link_target: where that link really leads.
        problem: why we do not go there, as a sentence without a full stop; empty if we do.
    """

    real: str
    link: str = ""
    link_target: str = ""
    problem: str = ""


@frozen
class _Led:
    """A link of a user who is not trusted, and that was followed."""

    path: str
    uid: int
    name: str


@frozen
class _Place:
    """A real directory: its names and owners from ``/`` on, and the last link of a stranger on the way to it."""

    names: tuple[str, ...]
    nodes: tuple[PathNode, ...]
    led: _Led | None = None

    @property
    def path(self) -> str:
        return "/" + "/".join(self.names)

    @property
    def parent(self) -> "_Place":
        return _Place(self.names[:-1], self.nodes[:-1] if self.names else self.nodes, self.led)

    def child(self, name: str, node: PathNode) -> "_Place":
        return _Place((*self.names, name), (*self.nodes, node), self.led)

    def led_by(self, led: _Led | None) -> "_Place":
        return _Place(self.names, self.nodes, led)


class _RefusedError(Exception):
    """We do not follow a link; the text is a sentence without a full stop."""


class _MissingError(Exception):
    """A name does not exist, or nothing is known of it."""


class RealPaths:
    """Where directories really are on one host, for one user, whose number is ``uid``."""

    def __init__(self, state: HostState, uid: int) -> None:
        login, paths = state.login, state.paths
        seen = (
            (paths.path_nodes_as_root, paths.path_nodes)
            if uid == login.uid
            else (paths.path_nodes, paths.path_nodes_as_root)
        )
        nodes = {**seen[0], **seen[1]}
        users = {number: name for (kind, name), number in paths.owner_ids.items() if kind == "user" and number}
        names = {login.uid: login.user, **users}
        self._nodes = nodes
        self._uid = uid
        self._root = _Place((), (nodes["/"],)) if "/" in nodes else None
        self._trusted: AbstractSet[int] = {0, uid, *(node.uid for path, node in nodes.items() if path == "/")}
        known = {node.uid: node.name for node in nodes.values() if node.name not in ("", "UNKNOWN")}
        self._names = {**known, **names, 0: "root"}
        self._found: dict[tuple[str, int | None], RealPath] = {}

    def to(self, directory: str, owner: int | None) -> RealPath:
        """Where a directory really is, for something in it that is to belong to ``owner`` (None: not given)."""
        key = directory, owner
        if key not in self._found:
            self._found[key] = self._walk(directory, owner)
        return self._found[key]

    def _walk(self, directory: str, owner: int | None) -> RealPath:
        if self._root is None:
            return RealPath(directory)
        place, lexical, link, target = self._root, "", "", ""
        names = [name for name in directory.split("/") if name]
        for index, name in enumerate(names):
            lexical = f"{lexical}/{name}"
            try:
                entered = self._enter(place, name, lexical, [])
            except _MissingError:
                return self._judged(place, names[index:], link, target, owner)
            except _RefusedError as error:
                return RealPath(directory, link or lexical, target, str(error))
            if not link and entered.path != place.child(name, entered.nodes[-1]).path:
                link, target = lexical, entered.path
            place = entered
        return self._judged(place, [], link, target, owner)

    def _judged(self, place: _Place, missing: Sequence[str], link: str, target: str, owner: int | None) -> RealPath:
        return RealPath(posixpath.join(place.path, *missing), link, target, self._problem(place, owner))

    def _enter(self, holder: _Place, name: str, path: str, links: list[str]) -> _Place:
        """The directory of this name; ``links`` are those that were followed on the way."""
        node = self._nodes.get(path)
        if node is None or node.kind == "other" or len(links) >= _MOST_LINKS:
            raise _MissingError
        if node.kind == "directory":
            return holder.child(name, node)
        if not node.target:  # it was no link any more when the probe read it
            raise _MissingError
        links.append(path)
        led = self._leader(path, node, holder)
        reached = self._root if node.target.startswith("/") else holder
        assert reached is not None  # noqa: S101
        for part in node.target.split("/"):
            if part == "..":
                reached = reached.parent
            elif part not in ("", "."):
                try:
                    reached = self._enter(reached, part, posixpath.join(reached.path, part), links)
                except _MissingError:
                    raise _RefusedError(
                        f"{printable(path)} is a link to nothing, and a directory is needed there; "
                        "make what it names (is a mount missing?), or use another destination"
                    ) from None
            if led is not None and reached.led is not None and led.uid != reached.led.uid:
                raise _two_users(path, (led.name, reached.led.name))
            led = led or reached.led
        return reached.led_by(led or holder.led)

    def _leader(self, path: str, node: PathNode, holder: _Place) -> _Led | None:
        """Who leads us by this link, if that is nobody whom we trust."""
        if self._uid != 0:
            if node.uid in self._trusted:
                return None
            name = self._name(node.uid)
            raise _RefusedError(
                f"{printable(path)} is a link of {name}, and we are not that user; it is not followed. "
                "Give the real path"
            )
        people = {node.uid, holder.nodes[-1].uid, node.uid if holder.led is None else holder.led.uid} - self._trusted
        if not people:
            return None
        if len(people) > 1:
            raise _two_users(path, map(self._name, people))
        uid = people.pop()
        return _Led(path, uid, self._name(uid))

    def _problem(self, place: _Place, owner: int | None) -> str:
        """Why root does not write here; empty if it does."""
        led = place.led
        if led is None or self._uid != 0:
            return ""
        owners = [node.uid for node in reversed(place.nodes)]
        strangers = [uid for uid in owners if uid not in self._trusted and uid != led.uid]
        if led.uid in owners and not strangers:
            return ""
        link, real = printable(led.path), printable(place.path)
        if owner == led.uid and not strangers:
            if _may_write(led.uid, place.nodes[-1]):
                return ""
            return (
                f"{link} is a link of {led.name} to {real}, where {led.name} may not write. "
                "Give the real path as the destination"
            )
        whose = self._name(strangers[0] if strangers else owners[0])
        more = "" if strangers else f", or the owner {led.name} to write with the rights of that user"
        return (
            f"{link} is a link of {led.name} to {real}, which belongs to {whose}; root does not follow it. "
            f"Give the real path as the destination{more}"
        )

    def _name(self, uid: int) -> str:
        return self._names.get(uid, f"user {uid}")


def _two_users(path: str, names: Iterable[str]) -> _RefusedError:
    who = " and ".join(sorted(names))
    return _RefusedError(
        f"{printable(path)} is a link that depends on {who}; root follows no link of two users. Give the real path"
    )


def _may_write(uid: int, node: PathNode) -> bool:
    """Whether a user may make something in a directory; True where only the host can say, because of a group."""
    if node.uid == uid:
        return node.mode & 0o300 == 0o300
    return bool(node.mode & 0o022)
