"""What is shown of findings: a table for each place, one for hosts that are alike, and how many there are."""

from mngr_ansible.report.findings import Finding, checks_report, findings_page
from mngr_ansible.report.page import Summary, Table


def host(name, disk, clock="ok"):
    remedy = "" if clock == "ok" else "Set it"
    return [Finding(f"{name}: disk", "ok", disk), Finding(f"{name}: clock", clock, f"clock of {clock}", remedy)]


HERE = Finding("controller: python", "ok", "3.12")


def test_hosts_that_are_alike_share_a_table_with_the_values_of_what_is_fine():
    findings = [HERE, *host("a", "1 GB"), *host("b", "2 GB"), *host("c", "1 GB", "problem"), *host("d", "1 GB")]
    *tables, summary = findings_page(findings)
    assert [(each.title, each.names) for each in tables if isinstance(each, Table)] == [
        ("This machine", ()),
        ("3 hosts", ("a", "b", "d")),
        ("c", ()),
    ]
    rows = tables[1].rows
    assert [(each.name, each.facts) for each in rows] == [("disk", ("1 GB | 2 GB",)), ("clock", ("clock of ok",))]
    assert isinstance(summary, Summary)
    assert [(each.count, each.word) for each in summary.parts] == [(8, "ok"), (1, "problem")]


def test_many_values_are_counted():
    findings = [HERE, *(each for number in range(9) for each in host(f"h{number}", f"{number} GB"))]
    (_, table, _) = findings_page(findings)
    assert table.rows[0].facts == ("0 GB | 1 GB | 2 GB | and 6 more",)


def test_what_is_about_no_hosts_is_never_put_together():
    findings = [Finding("a.yml: x", "ok", "fine"), Finding("b.yml: x", "ok", "fine")]
    assert [each.title for each in findings_page(findings) if isinstance(each, Table)] == ["a.yml", "b.yml"]
    assert findings_page([]) == ()


def test_the_document_says_whether_there_is_a_problem():
    assert checks_report("doctor", [HERE]).to_dict()["ok"] is True
    document = checks_report("doctor", [HERE, Finding("x", "problem", "Bad..", "Mend it..")]).to_dict()
    assert document["ok"] is False
    assert document["checks"][1] == {"name": "x", "status": "problem", "text": "Bad.", "remedy": "Mend it."}
