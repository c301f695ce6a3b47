"""Agreement of the pod rules with the verdicts that other projects' own tests state.

    PYTHONPATH=.:controller python -m bench.agreement FOLDER

The folder is not part of Stridegate: it has a module `load.py` whose `cases()` yields manifests, each with the source, the
control and the verdict of the project that wrote it. Compared is control by control, by `agreement.toml`, which says which
rules answer a control, and why a verdict differs. A difference without a reason, and a reason without a difference, make
the command fail.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from stridegate.engine.catalogue import POD_RULES
from stridegate.engine.evaluate import evaluate
from stridegate.model.pods import PodTemplate
from stridegate.model.rules import NEWEST_POD_SECURITY_MINOR, Given, Parameters, Question
from stridegate.model.settings import Setting
from stridegate.model.views import PodView
from stridegate.model.vocabulary import Profile

_MEANINGS = Path(__file__).with_name("agreement.toml")
_PROFILES = {str(each): each for each in Profile}


class Case(Protocol):
    """One verdict of another project on the documents of a file."""

    row: Mapping[str, Any]
    control: str
    expected: str
    docs: Sequence[dict[str, Any]] | None
    output_doc: dict[str, Any] | None
    pod_path: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """Which rules answer a control, and what they are given.

    Without rules it is none of ours, and `why` says the reason; with them, why theirs is another question than ours.
    """

    rules: tuple[str, ...] = ()
    given: Given = Given()
    why: str = ""

    @property
    def ours(self) -> bool:
        """Whether the control asks what the rules ask, so that every difference wants a reason of its own."""
        return bool(self.rules) and not self.why

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Meaning:
        """Return what an entry of the file says."""
        profile = _PROFILES[entry.get("profile", "hardened")]
        allow = tuple(entry.get("allow", ()))
        rules = tuple(entry.get("rules", ()))
        if "level" in entry:
            level = _PROFILES[entry["level"]]
            rules = tuple(
                slug
                for slug, rule in POD_RULES.items()
                if rule.standard and rule.profile <= level and slug not in entry.get("but", ())
            )
            profile = level
        version = entry.get("version", NEWEST_POD_SECURITY_MINOR)
        given = Given(pod_security=version, profile=profile, parameters=Parameters(allow=allow))
        return cls(rules=rules, given=given, why=entry.get("why", ""))


@dataclass(slots=True)
class Tally:
    """What came of the cases of one source and control."""

    meaning: Meaning
    cases: int = 0
    differences: list[str] = field(default_factory=list)


def cases_of(folder: Path) -> Iterator[Case]:
    """Yield every case about pods and other objects of a folder."""
    spec = importlib.util.spec_from_file_location("corpus", folder / "load.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield from module.cases(scopes=("pod", "object"))


def found(document: Mapping[str, Any], path: tuple[str, ...] | None, meaning: Meaning) -> list[str]:
    """Return what the rules of a control find in a document; what cannot be read at all fails, as it does in a review."""
    if path is None:
        return []
    embedded: Any = document
    for part in path[:-1]:
        embedded = embedded[part]
    try:
        template = msgspec.convert({"metadata": embedded.get("metadata"), "spec": embedded.get("spec")}, PodTemplate)
    except msgspec.ValidationError as problem:
        return [f"no {document.get('kind')}: {problem}"]
    namespace = (document.get("metadata") or {}).get("namespace") or "default"
    # A manifest, a pod's as well, is what its author writes; what the API server mounts into the pod is not there yet.
    view = PodView(template, path[:-1], Setting(namespace=namespace, template=True))
    questions = [Question(POD_RULES[slug], meaning.given) for slug in meaning.rules]
    return [finding.sentence for finding in evaluate(questions, view)]


def judged(case: Case, meaning: Meaning) -> tuple[str, list[str]]:
    """Return our verdict on a case, and what it rests on; of what others heal, the healed form is judged."""
    documents: Sequence[Mapping[str, Any]] = case.docs or ()
    if case.expected == "mutate":
        documents = [case.output_doc] if case.output_doc is not None else []
    sentences = [sentence for document in documents for sentence in found(document, _path(document, case), meaning)]
    return ("fail" if sentences else "pass"), sentences


def _path(document: Mapping[str, Any], case: Case) -> tuple[str, ...] | None:
    paths = {"Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec")}
    return paths.get(str(document.get("kind")), case.pod_path)


def title(case: Case) -> str:
    """Return what tells a case apart: its file below the source's folder, and the documents in it."""
    file = str(case.row["file"]).partition("/data/")[2] or str(case.row["file"])
    names = (f"{each.get('kind')}/{(each.get('metadata') or {}).get('name')}" for each in case.docs or ())
    return f"{file}#{'+'.join(names)}"


def compare(folder: Path) -> tuple[dict[tuple[str, str, str], Tally], list[str]]:
    """Return the tallies by source, control and meaning, and what nobody has explained."""
    said = tomllib.loads(_MEANINGS.read_text(encoding="utf-8"))
    meanings = {name: Meaning.read(entry) for name, entry in said["control"].items()}
    reasons: dict[str, str] = said["difference"]
    tallies: dict[tuple[str, str, str], Tally] = {}
    used: Counter[str] = Counter()
    unexplained: list[str] = []
    for case in cases_of(folder):
        source = str(case.row["source"])
        native = str(case.row.get("native_control")).partition("/")[0]
        asked = (f"{source}/{native}", f"{source}/{case.control}", case.control)
        meaning = next((meanings[key] for key in asked if key in meanings), None)
        if meaning is None:
            unexplained.append(f"{source}/{case.control}: nothing says which rules answer it")
            continue
        tally = tallies.setdefault((source, case.control, meaning.why), Tally(meaning))
        if not meaning.rules or (case.expected == "mutate" and case.output_doc is None):
            continue
        tally.cases += 1
        verdict, sentences = judged(case, meaning)
        if verdict == ("pass" if case.expected == "mutate" else case.expected):
            continue
        name = f"{source}/{case.control}/{title(case)}"
        line = f"{name}: {case.expected} there, {verdict} here ({'; '.join(sentences[:2]) or 'nothing found'})"
        pattern = next((each for each in reasons if fnmatch.fnmatchcase(name, each)), "")
        used[pattern] += 1
        reason = reasons.get(pattern) or meaning.why
        tally.differences.append(f"{line}: {reason or 'UNEXPLAINED'}")
        if not reason:
            unexplained.append(line)
    return tallies, [*unexplained, *(f"{each}: no case differs there" for each in reasons if not used[each])]


def table(tallies: Mapping[tuple[str, str, str], Tally]) -> Iterator[str]:
    """Yield the lines of the report."""
    for (source, control, _), tally in sorted(tallies.items()):
        if not tally.cases:
            yield f"{source:18} {control:34} {'none':>6} {'':>6} {'':>7}  {tally.meaning.why}"
            continue
        agreed = tally.cases - len(tally.differences)
        mark = "" if tally.meaning.ours else "  another question"
        yield f"{source:18} {control:34} {tally.cases:6} {agreed:6} {100 * agreed / tally.cases:6.1f}%{mark}"
        yield from (f"    {line}" for line in tally.differences)
    for words, ours in (("the same question", True), ("another question", False)):
        asked = [tally for tally in tallies.values() if tally.cases and tally.meaning.ours is ours]
        cases = sum(tally.cases for tally in asked)
        agreed = cases - sum(len(tally.differences) for tally in asked)
        yield f"{words}: {cases} cases, {agreed} agreements, {100 * agreed / max(cases, 1):.2f} %"


def main(arguments: Sequence[str]) -> int:
    """Print the comparison with a folder of manifests; 1 where anything is left unexplained."""
    if len(arguments) != 1:
        print("usage: python -m bench.agreement FOLDER", file=sys.stderr)
        return 2
    tallies, unexplained = compare(Path(arguments[0]))
    _say(table(tallies))
    _say(unexplained)
    return 1 if unexplained else 0


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
