"""The page of benchmarks shows what was measured, and the benchmark itself counts rightly."""

import importlib
import json
import re
from pathlib import Path

import pytest

from benchmarks import page, phases, plots, results
from benchmarks.parts import PARTS, cases
from benchmarks.phases import Mark
from benchmarks.results import Profile, Record, Results, Weight
from benchmarks.targets import REACH, judged
from benchmarks.ways import FIRST, FLOOR, NOOP, OURS, PYINFRA
from benchmarks.workloads import workloads

DOCS = Path(__file__).resolve().parents[2] / "docs"
ABOUT = {"date", "commit", "cores", "python", "ansible-core", "pyinfra", "openssh"}
PAGE, README = DOCS / "benchmarks.md", DOCS.parent / "README.md"


@pytest.fixture
def measured():
    return results.load(DOCS / "benchmarks.json")


def record(workload="W1", way=OURS, seconds=1.0, count=3, part="reach", scenario=FIRST, rtt=0, **more):
    return Record(part, workload, scenario, way, count, rtt, seconds=[seconds], cpu=[seconds], **more)


def test_the_page_and_the_readme_show_what_was_measured(measured):
    for shown in (PAGE, README):
        assert page.filled(shown.read_text(), measured) == shown.read_text()


def test_every_section_of_results_is_shown_once(measured):
    shown = re.findall(r"<!-- measured: (\w+) -->", README.read_text() + PAGE.read_text())
    assert sorted(shown) == sorted(page.sections(measured))


@pytest.mark.parametrize("name", [f"{name}{mode}.svg" for name in plots.PLOTS for mode in ("", "-dark")])
def test_the_plots_are_of_these_results_and_on_the_page(measured, name):
    text = (DOCS / "img" / name).read_text()
    assert f"results {plots.digest(measured)}" in text
    assert "<text" in text, "text that is drawn as curves can be neither searched nor read aloud"
    assert f'"img/{name}"' in PAGE.read_text()


def test_every_picture_of_a_page_is_there():
    for markdown in DOCS.glob("*.md"):
        for path in re.findall(r'<(?:img|source)\b[^>]* (?:src|srcset)="([^":]+)"', markdown.read_text()):
            assert (DOCS / path).is_file(), f"{markdown.name}: {path}"


def test_results_name_neither_the_machine_nor_a_path_of_it(measured):
    text = (DOCS / "benchmarks.json").read_text()
    allowed = {f"{one}/{two}" for one, two in re.findall(r'"(\w+)/(\d+)"', text)}
    assert set(re.findall(r'"([^"]*/[^"]*)"', text)) <= allowed
    assert set(measured.about) == ABOUT


def test_results_are_read_as_they_were_written(tmp_path):
    found = Results({"date": "today"}, ["a note"], {"reach": 2}, [record(kex="x")], [Weight("W1", OURS, 1, 2.5, 1.5)])
    found.profiles.append(Profile("W1", FIRST, 0, [("plan", 0.25)]))
    results.save(found, tmp_path / "results.json")
    assert results.load(tmp_path / "results.json") == found


def test_results_of_another_version_are_refused(tmp_path):
    (tmp_path / "results.json").write_text(json.dumps({"schema": 0}))
    with pytest.raises(ValueError, match="has schema 0"):
        results.load(tmp_path / "results.json")


def test_figures_of_a_busy_machine_are_named_and_not_in_the_readme():
    found = Results(dict.fromkeys(ABOUT, 2), loads={"reach": 1, "files": 5})
    for scenario in (FIRST, NOOP):
        found.records += [record(way=way, scenario=scenario, rtt=rtt) for way in (OURS, PYINFRA) for rtt in (0, 80)]
    assert "worth little, in: files." in page.sections(found)["about"]
    assert "1.00 s and 1.00 s (pyinfra" in page.sections(found)["summary"]

    found.loads["reach"] = 3
    assert "pyinfra" not in page.sections(found)["summary"]


def test_a_target_is_met_at_its_limit_and_missed_above():
    found = Results(records=[record(seconds=4.5), record(way=FLOOR, seconds=1.0), record(way=PYINFRA, seconds=5.0)])
    assert [(each.subject, each.is_met) for each in judged(found)] == [
        ("W1, first run / pyinfra", False),
        ("W1, first run / floor", True),
    ]


def test_what_was_not_measured_is_no_target_that_is_met():
    found = Results(records=[record(), record(way=FLOOR, seconds=0.0)])
    found.records[1].seconds, found.records[1].failed = [], "it ended with exit code 1"
    assert list(judged(found)) == []
    found.about = dict.fromkeys(ABOUT, 1)
    assert "FAILED: reach, W1, first run, 0 ms, floor: it ended with exit code 1." in page.sections(found)["about"]


def test_a_larger_number_of_files_is_estimated_from_two_smaller_ones():
    found = Results(records=[record("files/10", count=10, seconds=2.0), record("files/30", count=30, seconds=4.0)])
    estimate = found.estimate(1000, family="files", scenario=FIRST)
    assert estimate == results.Estimate(4.0 + 970 * 0.1, is_guess=True)
    assert found.estimate(30, family="files", scenario=FIRST) == results.Estimate(4.0)
    assert found.estimate(20, family="files", scenario=FIRST) is None
    assert found.estimate(1000, family="files", scenario=NOOP) is None


def test_two_runs_that_hardly_differ_tell_nothing_of_larger_ones():
    for larger in (1.8, 2.0, 2.9):
        found = Results(
            records=[record("files/10", count=10, seconds=2.0), record("files/30", count=30, seconds=larger)]
        )
        assert found.estimate(1000, family="files", scenario=FIRST) is None


@pytest.mark.parametrize(
    ("hosts", "mib", "said"), [(10, 85, "not measured"), (50, 85, "not measured"), (50, 135.0, "1.00 MiB")]
)
def test_what_one_host_more_takes_is_told_only_from_many_hosts(hosts, mib, said):
    found = Results(dict.fromkeys(ABOUT, 1))
    found.weights = [Weight("hosts/1", OURS, 1, 86.0, 1.0), Weight(f"hosts/{hosts}", OURS, hosts, mib, 1.0)]
    assert f"one host more takes on the controller: {said}.\n" in page.sections(found)["memory"]


def test_a_section_without_figures_says_that_nothing_was_measured():
    sections = page.sections(Results(dict.fromkeys(ABOUT, 1)))
    assert all("ot measured.\n" in text for name, text in sections.items() if name not in ("about", "summary"))
    assert "Medians" not in sections["about"]

    found = Results(dict.fromkeys(ABOUT, 1), records=[record(way=FLOOR), record(part="kex")])
    sections = page.sections(found)
    assert "Medians of 1 in the first table" in sections["about"]
    assert f"| W1, first run | {OURS} | 1.00 | not measured |" in sections["kex"]


def test_every_workload_of_a_part_can_be_made(tmp_path):
    known = workloads(tmp_path)
    for part in PARTS:
        for case in cases(part, (0, 80)):
            family, _, count = case.workload.partition("/")
            workload = known.get(case.workload) or known[family].sample(int(count))
            assert workload.count == int(count or workload.count)
    assert {workload for workload, _ in REACH} <= set(known)


def test_a_sample_of_a_workload_has_all_of_its_large_files(tmp_path):
    sample = workloads(tmp_path)["W3"].sample(4)
    assert (sample.name, sample.count, len(sample.sizes)) == ("W3/4", 4, 5)
    assert "model.bin" in sample.sizes
    assert sample.entries == ("tree/", "model.bin")


@pytest.mark.parametrize("name", phases.WATCHED)
def test_every_function_that_is_watched_exists(name):
    module, _, words = name.partition(":")
    found = importlib.import_module(module)
    for word in words.split("."):
        found = getattr(found, word)
    assert callable(found)


def test_each_moment_of_a_run_belongs_to_one_step():
    run, probe, end = phases.ANSIBLE, "mngr_ansible.host.ssh:OpenSsh.run", "mngr_ansible.run.process:RunProcess.end"
    marks = [
        Mark(10.0, "+", "python"),
        Mark(10.0, "+", phases.EARLY),
        Mark(10.25, "-", phases.EARLY),
        Mark(11.0, "+", probe),
        Mark(11.5, "+", probe),  # another host's, in a thread
        Mark(12.0, "-", probe),
        Mark(13.0, "-", probe),
        Mark(13.5, "+", run),
        Mark(14.0, "*", "Copy files"),
        Mark(16.0, ".", "Copy files"),
        Mark(16.5, "+", end),
        Mark(17.0, "-", end),
        Mark(17.5, "-", run),
    ]
    spent = phases.slices(9.0, marks, 20.0)
    assert spent == [
        (phases.START, 1.75),
        ("start Ansible beside it", 0.25),
        ("connect and probe", 2.0),
        (phases.BETWEEN, 0.5),
        ("Ansible until its first task", 0.5),
        ("task: Copy files", 2.0),
        (phases.BETWEEN_TASKS, 1.0),
        ("Ansible's end", 0.5),
        (phases.END, 2.5),
    ]
    assert sum(seconds for _, seconds in spent) == 11.0
