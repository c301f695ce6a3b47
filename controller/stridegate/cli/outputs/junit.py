"""JUnit's XML, as CI services read it: a suite for each source, a test case for each finding, one that passes for each clean object."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from stridegate.cli.outputs.sentences import excuse, object_name, path_of, position, remarks, text, total, where
from stridegate.cli.results import Finding, Problem, Result, Standing, Subject

if TYPE_CHECKING:
    from stridegate.cli.terminals import Sheet


def render(result: Result, _sheet: Sheet) -> str:
    """Return a result as XML. What is exempted, known or only audited is a skipped test, and fails none."""
    root = Element("testsuites", name=_legal(f"stridegate: {total(result)}"))
    ordered = sorted(result.subjects, key=lambda subject: subject.source)
    for source, subjects in groupby(ordered, key=lambda subject: subject.source):
        suite = SubElement(root, "testsuite", name=_legal(text(source)))
        for subject in subjects:
            _subject(suite, subject)
    if result.problems:
        suite = SubElement(root, "testsuite", name="not judged")
        for problem in result.problems:
            _problem(suite, problem)
    for suite in root:
        _count(suite)
    # The sums of sums, which some readers show alone.
    _count(root)
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _subject(suite: Element, subject: Subject) -> None:
    name = object_name(subject)
    if not subject.findings:
        SubElement(suite, "testcase", classname=_legal(name), name="no findings")
    for finding in subject.findings:
        place = f" {text(finding.place)}" if finding.place else ""
        case = SubElement(suite, "testcase", classname=_legal(name), name=_legal(f"{text(finding.rule)}{place}"))
        at = position(subject, finding)
        if at is not None:
            case.set("file", _legal(path_of(subject.source)))
            case.set("line", str(at.line))
        _outcome(case, subject, finding)


def _outcome(case: Element, subject: Subject, finding: Finding) -> None:
    told = _legal(text(finding.sentence))
    if not finding.counts:
        SubElement(case, "skipped", message=_legal(excuse(finding)))
    elif finding.standing is Standing.AUDITED and not finding.error:
        SubElement(case, "skipped", message=f"audited: {told}")
    else:
        kind = "error" if finding.error else "failure"
        failure = SubElement(case, kind, message=told, type=str(finding.severity))
        remark = remarks(finding)
        failure.text = _legal(
            f"{where(subject.source, position(subject, finding))}\n{text(finding.title)}\n{text(finding.sentence)}\n"
            f"policy {text(finding.policy)}{f' ({remark})' if remark else ''} · stridegate explain {text(finding.rule)}"
        )


def _problem(suite: Element, problem: Problem) -> None:
    case = SubElement(suite, "testcase", classname="not judged", name=_legal(where(problem.source, problem.at)))
    SubElement(case, "error", message=_legal(text(problem.sentence)), type="unreadable")


def _count(suite: Element) -> None:
    suite.set("tests", str(sum(1 for _ in suite.iter("testcase"))))
    for plural, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(plural, str(sum(1 for _ in suite.iter(kind))))


def _legal(written: str) -> str:
    """Return a text without what XML 1.0 forbids even when escaped (its production `Char`)."""
    return "".join(
        character
        for character in written
        if character in "\t\n"
        or " " <= character <= "\ud7ff"
        or "\ue000" <= character <= "\ufffd"
        or character > "\uffff"
    )
