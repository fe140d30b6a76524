"""mngr-ansible against other tools, on real hosts on this machine: as root on Linux, from a checkout.

Without a PART all of them run, which takes about three quarters of an hour on two quiet cores. Results are kept after
each measurement; the page and the plots are written from them.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import page, plots, pyinfra, results
from benchmarks.bench import Bench
from benchmarks.parts import CURVES, PARTS, cases
from benchmarks.sites import Sites
from benchmarks.targets import judged
from benchmarks.watch import adopt_orphans
from benchmarks.ways import OURS, WAYS, all_ways
from benchmarks.workloads import PACKAGE_COUNTS, VERSION, made_packages, workloads
from tests.support.hosts import AptRepository
from tests.support.hosts.machine import why_not

_ROOT = Path(__file__).parents[1]


def _options() -> argparse.Namespace:
    shown = "\n".join(f"  {name:<10}{what}" for name, what in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"parts:\n{shown}\n  curves    {', '.join(CURVES)}\n  draw      only the page and the plots",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("parts", nargs="*", metavar="PART", help="see below; default: all")
    add("--repeats", type=int, default=5, help="of the judged ways; curves have two at most; default: 5")
    add("--rtt", action="append", type=int, metavar="MS", help="round-trip times of W1 to W4; default: 0 and 80")
    add("--way", action="append", metavar="NAME", help="only these, such as pyinfra or floor; default: all")
    add("--workload", action="append", metavar="NAME", help="only these, such as W1 or files/100; default: all")
    add("--out", type=Path, default=_ROOT / "docs", metavar="DIR",
        help="where benchmarks.json, benchmarks.md and img/ are; default: docs/")  # fmt: skip
    add("--resume", action="store_true", help="keep what was measured, and measure what is not there yet")
    add("--cache", type=Path, metavar="DIR", help="where pyinfra is installed and kept; default: for this run")
    asked = parser.parse_args()
    known = {*PARTS, "curves", "draw"}
    if wrong := [each for each in asked.parts if each not in known]:
        parser.error(f"there is no part {wrong[0]!r}; there are {', '.join(sorted(known))}")
    if wrong := [each for each in asked.way or () if each not in WAYS]:
        parser.error(f"there is no way {wrong[0]!r}; there are {'; '.join(WAYS)}")
    return asked


def main() -> int:
    """Measure, write the page; the exit code is 1 where something is missed or failed, 130 when it was stopped."""
    asked = _options()
    asked.out.mkdir(parents=True, exist_ok=True)
    path = asked.out / "benchmarks.json"
    parts = list(
        dict.fromkeys(one for part in asked.parts or PARTS for one in (CURVES if part == "curves" else (part,)))
    )
    found = results.load(path) if path.exists() and (asked.resume or asked.parts) else results.Results()
    code = 0
    if parts != ["draw"]:
        if reason := why_not():
            print(reason, file=sys.stderr)
            return 1
        for part in parts:
            found.forget_failures(part) if asked.resume else found.drop(part)
        load = round(os.getloadavg()[0])
        for part in parts:
            found.loads[part] = max(load, found.loads.get(part, 0) if asked.resume else 0)
        found.about.update(_about())
        if page.busy(found):
            print(f"Other work runs on this machine (load {load}): the figures will be worth little.", file=sys.stderr)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            _measure(parts, asked, found, path)
        except KeyboardInterrupt:
            print("Stopped. --resume goes on from here.", file=sys.stderr)
            code = 130
    found = results.load(path)  # what is kept is rounded
    page.write(found, asked.out, _ROOT / "docs/benchmarks.md")
    plots.write(found, asked.out / "img")
    print("\n".join(page.sections(found).values()))
    is_good = all(each.is_met for each in judged(found)) and not any(each.failed for each in found.records)
    return code or int(not is_good)


def _measure(parts: list[str], asked: argparse.Namespace, found: results.Results, path: Path) -> None:
    adopt_orphans()
    rtts = asked.rtt or [0, 80]
    with tempfile.TemporaryDirectory(prefix="mab-") as temporary:
        directory = Path(temporary)
        directory.chmod(0o755)  # apt of a host reads the repository as a user of its own
        cache = asked.cache or directory
        ways, found.notes = all_ways(cache)
        ways = {name: way for name, way in ways.items() if not asked.way or name in asked.way}
        repository = AptRepository(directory / "apt")
        for name, _ in made_packages(max(PACKAGE_COUNTS)):
            repository.add(name, f"{VERSION}-1", commands={name: f"echo {name} {VERSION}"})
        with Sites(repository) as sites:
            bench = Bench(ways, workloads(directory), sites, found, path)
            for part in parts:
                begun = time.monotonic()
                if part == "start":
                    bench.start(cache, asked.repeats)
                elif part == "memory":
                    bench.weigh(asked.workload)
                elif part == "where" and OURS in ways:
                    bench.profile(rtts, asked.workload)
                else:
                    chosen = [
                        each for each in cases(part, rtts) if not asked.workload or each.workload in asked.workload
                    ]
                    bench.measure(part, chosen, asked.repeats)
                print(f"{part}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)


def _about() -> dict[str, str | int]:
    """What was measured, on what: versions and numbers, no name and no path of this machine."""
    commit = subprocess.run(["git", "describe", "--always"], cwd=_ROOT, capture_output=True, text=True).stdout.strip()
    ssh = subprocess.run(["ssh", "-V"], capture_output=True, text=True).stderr.split(",")[0].split(" ")[0]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit,
        "cores": os.cpu_count() or 0,
        "python": sys.version.split()[0],
        "ansible-core": importlib.metadata.version("ansible-core"),
        "pyinfra": pyinfra.VERSION,
        "openssh": ssh.removeprefix("OpenSSH_"),
    }


if __name__ == "__main__":
    sys.exit(main())
