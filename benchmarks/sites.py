"""The hosts of a benchmark: real sshds on this machine, reached through a proxy that adds a round-trip time."""

from __future__ import annotations

import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Self

from benchmarks.watch import FailedError
from benchmarks.workloads import OUT, VERSION
from tests.support.hosts import running
from tests.support.latency_proxy import distant

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from benchmarks.workloads import Workload
    from tests.support.hosts import AptRepository, SshHost
    from tests.support.latency_proxy import Delays

_LAYER = "apt-for-ansible"
_STARTED_AT_ONCE = 4
_LOGGED = {"connections": "Accepted publickey for ", "executions": "Starting session: "}


@dataclass(frozen=True)
class Counts:
    """What runs did on the hosts: connections, executions in them, bytes to and from them (0: not counted)."""

    connections: int
    executions: int
    sent: int
    received: int


class Site:
    """Some hosts as they are reached with one round-trip time; they have one key and one ``known_hosts``."""

    def __init__(self, hosts: Sequence[SshHost], reached: Sequence[SshHost], proxies: Sequence[Delays]) -> None:
        self.hosts = reached
        self.key, self.known_hosts = hosts[0].key, hosts[0].known_hosts
        self._hosts = hosts
        self._proxies = proxies
        self._read = [0] * len(hosts)

    @property
    def first_process(self) -> int:
        """The pid of the first host's first process."""
        return self._hosts[0].pid

    def forget(self) -> None:
        """Begin to count."""
        for proxy in self._proxies:
            proxy.clear()
        self._read = [(host.directory / "log").stat().st_size for host in self._hosts]

    def counts(self) -> Counts:
        """What happened since ``forget``."""
        logs = ""
        for host, start in zip(self._hosts, self._read, strict=True):
            with (host.directory / "log").open("rb") as log:
                log.seek(start)
                logs += log.read().decode(errors="replace")
        logged = {name: logs.count(words) for name, words in _LOGGED.items()}
        sent, received = (sum(getattr(proxy, way) for proxy in self._proxies) for way in ("to_host", "from_host"))
        return Counts(**logged, sent=sent, received=received)

    def clear(self, workload: Workload) -> None:
        """Make the hosts as they are before a first run: without the files, with all packages but the missing ones."""
        absent = set(workload.missing)
        made = {package.name for package in workload.packages if package.name.startswith("bench-")}

        def one(host: SshHost) -> None:
            lines = [f"rm -rf {OUT} /root/.ansible /root/.mngr-ansible"]
            if made:
                listed = host.run("ls /var/lib/dpkg/info").stdout
                there = set(re.findall(r"^(bench-\d+)\.list$", listed, re.MULTILINE))
                if more := sorted(made - absent - there):
                    lines.append("dpkg -i " + " ".join(f"/srv/apt/{name}_{VERSION}-1_all.deb" for name in more))
                if fewer := sorted(there & absent):
                    lines.append(f"dpkg --purge {' '.join(fewer)}")
            host.run("\n".join(lines))

        self._everywhere(one)

    def verify(self, workload: Workload, *, has_packages: bool = True) -> None:
        """Check that every file, and every package, is there.

        Raises:
            FailedError: it is not.
        """
        sizes = sorted((workload.sizes or {}).values())

        def one(host: SshHost) -> None:
            if sizes:
                found = host.run(f"find {OUT} -type f -printf '%s\\n'", check=False).stdout.split()
                if sorted(map(int, found)) != sizes:
                    raise FailedError(f"it copied {len(found)} of {len(sizes)} files, or others")
            for package in workload.packages if has_packages else ():
                if not (host.root_path / "usr/bin" / package.name).exists():
                    raise FailedError(f"it did not install {package.name}")

        self._everywhere(one)

    def _everywhere(self, one: Callable[[SshHost], None]) -> None:
        with ThreadPoolExecutor(_STARTED_AT_ONCE) as pool:
            for _ in pool.map(one, self._hosts):
                pass


class Sites:
    """Starts hosts when they are needed first, and ends them all at the end of a ``with`` block."""

    def __init__(self, repository: AptRepository) -> None:
        self._repository = repository
        self._stack = ExitStack()
        self._hosts: list[SshHost] = []
        self._kex: dict[str, str] = {}
        self._sites: dict[tuple[int, int | None], Site] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.__exit__(kind, error, at)

    def site(self, count: int, rtt: int | None, kex: str = "") -> Site:
        """So many hosts, ``rtt`` milliseconds away (None: without a proxy), with a key exchange ("": OpenSSH's own)."""
        self._start(count)
        self._exchange_keys(self._hosts[:count], kex)
        if (count, rtt) not in self._sites:
            hosts, reached, proxies = self._hosts[:count], self._hosts[:count], []
            if rtt is not None:
                found = [self._stack.enter_context(distant(host, rtt)) for host in hosts]
                reached, proxies = [host for host, _ in found], [proxy for _, proxy in found]
            reached = [replace(host, directory=hosts[0].directory) for host in reached]
            self._sites[count, rtt] = Site(hosts, reached, proxies)
            known = dict.fromkeys(line for host in hosts for line in host.known_hosts.read_text().splitlines())
            self._hosts[0].known_hosts.write_text("\n".join(known) + "\n")
        return self._sites[count, rtt]

    def _start(self, count: int) -> None:
        if not self._hosts:
            self._hosts.append(self._one(0))  # its key is that of all others
        more = range(len(self._hosts), count)
        with ThreadPoolExecutor(_STARTED_AT_ONCE) as pool:
            self._hosts += pool.map(self._one, more)

    def _one(self, number: int) -> SshHost:
        # Only the first hosts have the packages' lists: fetching them takes longer than the start.
        lists: Literal["fresh", "empty"] = "fresh" if number < 1 else "empty"
        host = self._stack.enter_context(
            running(layer=_LAYER, name=f"bench-{number + 1}", repository=self._repository, lists=lists, key_exchange="")
        )
        if self._hosts:
            shutil.copy(self._hosts[0].key.with_suffix(".pub"), host.root_path / "etc/ssh/authorized_keys")
        host.run("echo LogLevel VERBOSE >>/etc/ssh/sshd_config")
        host.reload()
        return host

    def _exchange_keys(self, hosts: Sequence[SshHost], kex: str) -> None:
        change = "sed -i /^KexAlgorithms/d /etc/ssh/sshd_config"
        for host in hosts:
            if self._kex.get(host.name, "") != kex:
                host.run(f"{change}; echo KexAlgorithms {kex} >>/etc/ssh/sshd_config" if kex else change)
                host.reload()
                self._kex[host.name] = kex
