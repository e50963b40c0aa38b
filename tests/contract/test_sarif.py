"""SARIF in and out, on every backend."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator

from tests.reports_data import DATA, FILES, ROOT, log, result, sarif
from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidValue, NotFound, ReadOnlyProject
from vibecore.domain.findings import compare
from vibecore.domain.issues import Issue, IssueCategory, IssueSeverity, file_score
from vibecore.domain.reviews import CodeReview
from vibecore.repositories.unit_of_work import Store
from vibecore.services.reports import sarif_import
from vibecore.services.reports.sarif_import import SarifReport
from vibecore.testing.effects import FixedClock, fixed_effects

PASSWORD = "correct horse battery staple 9"
SCHEMA = json.loads((DATA / "sarif-2.1.0-rtm.5.json").read_text())
MATHS = "src/pkg/maths.py"
RISKY = "src/pkg/risky.py"


class Sample:
    """The sample project, its owner, and a stranger."""

    def __init__(self, store: Store, clock: FixedClock) -> None:
        self.vibe = Vibe(store, fixed_effects(clock=clock))
        self.ada = self.user("ada")
        self.id = self.vibe.projects.create(self.ada, name="engine").id
        for path, content in FILES.items():
            self.vibe.files.write(self.ada, self.id, path, content)

    def user(self, name: str) -> Actor:
        email = f"{name}@example.org"
        self.vibe.auth.register(Actor.anonymous(), email=email, password=PASSWORD, name=name)
        return self.vibe.auth.login(email=email, password=PASSWORD).actor

    def load(self, source: Any, **more: Any) -> SarifReport:
        return self.vibe.reviews.import_sarif(self.ada, self.id, source, **more)

    def reviews(self) -> dict[tuple[str, str], CodeReview]:
        return {(one.reviewer, one.file_path): one for one in self.vibe.reviews.latest(self.ada, self.id)}

    def issues(self, path: str = MATHS, tool: str = "Tool") -> list[Issue]:
        return [Issue.from_json(issue) for issue in self.reviews()[tool, path].issues]

    def trail(self) -> list[str]:
        root = Actor.system("test")
        return [event.action for event in self.vibe.audit.page(root, limit=100).items]


@pytest.fixture
def sample(store: Store, clock: FixedClock) -> Sample:
    return Sample(store, clock)


def test_what_ruff_wrote_is_recorded(sample: Sample) -> None:
    """Absolute locations find their files without being told the root; codes tell categories, fixes suggestions."""
    report = sample.load(DATA / "ruff.sarif")
    assert (report.results, report.skipped, report.tools) == (15, (), ("ruff",))
    assert sum(report.issues.values()) == 15
    found = sample.issues(RISKY, "ruff")
    by_rule = {issue.rule_id: issue for issue in found}
    assert by_rule["F401"].suggestion == "Remove unused import: `os`"
    assert by_rule["F401"].category is IssueCategory.CORRECTNESS
    assert by_rule["S602"].category is IssueCategory.SECURITY
    assert [(issue.line, issue.column) for issue in found] == sorted((issue.line, issue.column) for issue in found)
    review = sample.reviews()["ruff", RISKY]
    file = sample.vibe.files.read(sample.ada, sample.id, RISKY)
    assert (review.digest, review.line_count, review.language) == (file.digest, file.line_count, "Python")
    assert "reviews.sarif_imported" in sample.trail()


def test_what_bandit_wrote_is_recorded(sample: Sample) -> None:
    """Relative locations, levels at the results, tags at the rules."""
    report = sample.load(str(DATA / "bandit.sarif"))
    assert (report.results, report.skipped) == (5, ())
    assert {issue.category for issue in sample.issues(RISKY, "Bandit")} == {IssueCategory.SECURITY}
    assert report.issues["error"] == 1


def test_export_is_valid_and_comes_back_the_same(sample: Sample, tmp_path: Path) -> None:
    """Valid against the OASIS schema; imported again, every issue has each field and its fingerprint as before."""
    sample.load(DATA / "ruff.sarif")
    sample.vibe.reviews.run(sample.ada, sample.id)
    suppressed = result(suppressions=[{"kind": "external", "justification": "known"}], column=4)
    sample.load(sarif(suppressed, artifacts=[{"location": {"uri": RISKY}, "roles": ["analysisTarget"]}]))
    exported = sample.vibe.reviews.export_sarif(sample.ada, sample.id)
    assert list(Draft4Validator(SCHEMA).iter_errors(json.loads(exported))) == []
    before = {key: [Issue.from_json(one) for one in review.issues] for key, review in sample.reviews().items()}
    report = sample.load(exported)
    assert report.skipped == ()
    after = {key: [Issue.from_json(one) for one in review.issues] for key, review in sample.reviews().items()}
    assert after == before
    assert any(issue.suppressed and issue.suppression_reason == "known" for issue in after["Tool", MATHS])
    assert after["Tool", RISKY] == []
    assert sample.vibe.reviews.export_sarif(sample.ada, sample.id) == exported


def test_export_of_one_reviewer(sample: Sample) -> None:
    """Only its run; of nobody's reviews a log without runs, which is valid too."""
    sample.load(DATA / "ruff.sarif")
    sample.load(DATA / "bandit.sarif")
    only = json.loads(sample.vibe.reviews.export_sarif(sample.ada, sample.id, reviewer="ruff"))
    assert [run["tool"]["driver"]["name"] for run in only["runs"]] == ["ruff"]
    none = json.loads(sample.vibe.reviews.export_sarif(sample.ada, sample.id, reviewer="nobody"))
    Draft4Validator(SCHEMA).validate(none)
    assert none["runs"] == []


def test_findings_are_the_same_after_lines_moved(sample: Sample) -> None:
    """Two imports around an edit above the finding: it exists still, and what was mended is fixed."""
    sample.load(sarif(result(line=2), result(line=4, ruleId="R2")))
    before = sample.issues()
    sample.vibe.files.write(sample.ada, sample.id, MATHS, '"""Maths."""\n\n' + FILES[MATHS])
    sample.load(sarif(result(line=4), result(line=1, ruleId="R3")))
    found = compare(before, sample.issues())
    assert [issue.rule_id for issue in found.existing] == ["R1"]
    assert [issue.rule_id for issue in found.fixed] == ["R2"]
    assert [issue.rule_id for issue in found.new] == ["R3"]


@pytest.mark.parametrize(
    ("uri", "more", "reason"),
    [
        ("src/../src/./pkg/maths.py", {}, None),
        ("src/pkg/m%61ths.py", {}, None),
        ("src\\pkg\\maths.py", {}, None),
        (f"file://{ROOT}/src/pkg/maths.py", {}, None),
        (f"file://localhost{ROOT}/src/pkg/maths.py", {}, None),
        (f"{ROOT}/src/pkg/maths.py", {}, None),
        ("file:///C:/work/engine/src/pkg/maths.py", {}, None),
        ("../secrets.py", {}, "leads out of the project"),
        ("src/../../etc/passwd", {}, "leads out of the project"),
        ("%2e%2e/%2e%2e/etc/passwd", {}, "leads out of the project"),
        ("file:///etc/passwd", {}, "lies outside of the project's folder"),
        ("file://other/src/pkg/maths.py", {}, "lies on another machine"),
        ("https://example.org/src/pkg/maths.py", {}, "has a location that is no file"),
        ("http://[::1", {}, "has a location that is no URI"),
        ("src/pkg/%ff.py", {}, "has a location that is not in UTF-8"),
        ("src/pkg/a%00.py", {}, "breaks a path rule: must not contain control characters"),
        ("src/pkg", {}, "is no file of the project"),
        ("src/pkg/gone.py", {}, "is no file of the project"),
        ("", {}, "breaks a path rule: must not be empty"),
    ],
)
def test_locations(sample: Sample, uri: str, more: Any, reason: str | None) -> None:
    """What names a file of the project finds it; what leads elsewhere is skipped with its reason, never followed."""
    report = sample.load(sarif(result(uri)))
    assert [skip.reason for skip in report.skipped] == ([] if reason is None else [reason])
    assert report.reviews == (reason is None)


def test_bases(sample: Sample) -> None:
    """Chains of bases, absolute ones, ones that are not told, in circles; locations that are artifacts."""
    bases = {
        "PKG": {"uri": "pkg/", "uriBaseId": "SRC"},
        "SRC": {"uri": "src/", "uriBaseId": "ROOT"},
        "ROOT": {"uri": "file:///somewhere/else/"},
        "A": {"uri": "src/", "uriBaseId": "A"},
    }

    def at(location: Any) -> Any:
        return result(locations=[{"physicalLocation": {"artifactLocation": location}}])

    report = sample.load(
        sarif(
            at({"uri": "maths.py", "uriBaseId": "PKG"}),
            at({"uri": "pkg/clean.py", "uriBaseId": "SRC"}),
            at({"uri": "tests/test_maths.py", "uriBaseId": "%SRCROOT%"}),
            at({"index": 0}),
            at({"uri": "pkg/maths.py", "uriBaseId": "A"}),
            at({"index": 7}),
            originalUriBaseIds=bases,
            artifacts=[{"location": {"uri": "pkg/risky.py", "uriBaseId": "SRC"}}],
        )
    )
    assert sorted(path for _, path in sample.reviews()) == ["src/pkg/clean.py", MATHS, RISKY, "tests/test_maths.py"]
    assert [(skip.place, skip.reason) for skip in report.skipped] == [
        (4, "is no file of the project"),
        (5, "names no file"),
    ]


def test_the_root_is_told_or_found(sample: Sample) -> None:
    """Told, only what lies below it counts; found, it is the folder with most files in common."""
    mine = [result(f"file:///a/b/{path}") for path in (MATHS, RISKY)]
    other = result(f"file:///c/{MATHS}")
    report = sample.load(sarif(*mine, other))
    assert [(skip.place, skip.reason) for skip in report.skipped] == [(2, "lies outside of the project's folder")]
    report = sample.load(sarif(*mine, other), root="/c")
    assert [skip.place for skip in report.skipped] == [0, 1]
    for root in ("relative", 7, "a\0b", ""):
        with pytest.raises(InvalidValue) as caught:
            sample.load(sarif(), root=root)
        assert caught.value.field == "root"


def test_places_are_held_against_the_file(sample: Sample) -> None:
    """Lines beyond the file are skipped; columns are at most the one after the line's end; offsets are places."""
    offset = {"physicalLocation": {"artifactLocation": {"uri": MATHS}, "region": {"charOffset": 17}}}
    report = sample.load(
        sarif(
            result(line=1),
            result(line=12, column=9_999),
            result(line=13),
            result(line=0),
            result(line=10**12),
            result(line=None, message={"text": "whole"}),
            result(locations=[offset], message={"text": "offset"}),
            result(locations=[]),
            "nothing",
        )
    )
    assert [(skip.place, skip.reason) for skip in report.skipped] == [
        (2, "lies beyond the end of the file"),
        (3, "lies before the first line"),
        (4, "lies beyond the end of the file"),
        (7, "names no file"),
        (8, "is no object"),
    ]
    assert {(one.message, one.line, one.column) for one in sample.issues()} == {
        ("wrong", 1, 1),
        ("wrong", 12, 13),
        ("whole", 1, 1),
        ("offset", 2, 1),
    }
    assert report.results == sum(report.issues.values()) + report.passed + report.repeated + len(report.skipped)


def test_utf16_columns(sample: Sample) -> None:
    """`print` stands after an emoji: two code units, one code point; the run says which after its results."""
    line = FILES[RISKY].splitlines()[7]
    point = line.index("print") + 1
    run = {
        "results": [result(RISKY, 8, point + 1), result(RISKY, 8, point, message={"text": "half"})],
        "tool": {"driver": {"name": "Tool"}},
        "columnKind": "utf16CodeUnits",
    }
    sample.load(log(run))
    assert [issue.column for issue in sample.issues(RISKY)] == [point - 1, point]


def test_what_is_clean_and_what_is_not_reviewed(sample: Sample) -> None:
    """A file that the tool looked at is clean; one that it names nowhere is not reviewed; a failed one neither."""
    target = {"location": {"uri": RISKY}, "roles": ["analysisTarget"]}
    note = {"level": "error", "message": {"text": "!"}, "locations": result("src/pkg/clean.py")["locations"]}
    report = sample.load(
        sarif(
            result(),
            result("src/pkg/clean.py", 1),
            artifacts=[target, {"location": {"uri": "tests/test_maths.py"}}],
            invocations=[{"executionSuccessful": True, "toolExecutionNotifications": [note]}],
        )
    )
    assert {path: len(one.issues) for (_, path), one in sample.reviews().items()} == {MATHS: 1, RISKY: 0}
    assert (report.reviews, report.clean) == (2, 1)
    assert [(one.path, one.reason) for one in report.not_reviewed] == [
        ("src/pkg/clean.py", "the tool reports an error")
    ]


def test_a_complete_report_cleans_what_it_no_longer_names(sample: Sample) -> None:
    """Without the word of the caller an absent file keeps its issues, as it does when the tool failed."""
    sample.load(sarif(result(), result(RISKY, 3)))
    sample.load(sarif(result(RISKY, 3)))
    assert len(sample.issues()) == 1
    sample.load(sarif(result(RISKY, 3), invocations=[{"executionSuccessful": False}]), complete=True)
    assert len(sample.issues()) == 1
    report = sample.load(sarif(result(RISKY, 3)), complete=True)
    assert (report.reviews, report.clean) == (2, 1)
    assert sample.issues() == []


def test_results_that_say_nothing_new(sample: Sample) -> None:
    """Passed checks are no issues; the same result twice is one; two runs of one tool make one review of a file."""
    report = sample.load(
        log(
            {"tool": {"driver": {"name": "Tool"}}, "results": [result(kind="pass"), result(), result(guid="x")]},
            {"tool": {"driver": {"name": "Tool"}}, "results": [result(line=4), result()]},
        )
    )
    assert (report.results, report.passed, report.repeated, report.reviews) == (5, 1, 2, 1)
    assert [issue.line for issue in sample.issues()] == [2, 4]


def test_limits(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many results end in an error and change nothing; too many in one file are skipped by name."""
    monkeypatch.setattr(sarif_import, "MAX_RESULTS", 3)
    with pytest.raises(InvalidValue, match="more than 3 results"):
        sample.load(sarif(*[result()] * 4))
    assert sample.reviews() == {}
    monkeypatch.setattr(sarif_import, "MOST_OF_A_FILE", 2)
    report = sample.load(sarif(*[result(line=line) for line in (1, 2, 3)]))
    assert [skip.reason for skip in report.skipped] == ["is one too many for a review of one file"]
    assert len(sample.issues()) == 2


def test_a_binary_file_and_an_empty_one(sample: Sample) -> None:
    """Of the one no place can be told; the other has its line 1."""
    sample.vibe.files.write(sample.ada, sample.id, "logo.png", b"\x89PNG\0")
    sample.vibe.files.write(sample.ada, sample.id, "empty.py", "")
    report = sample.load(sarif(result("logo.png", 1), result("empty.py", 1, 1), result("empty.py", 2)))
    assert [skip.reason for skip in report.skipped] == ["lies beyond the end of the file", "is no UTF-8 text"][::-1]
    assert [(issue.line, issue.column) for issue in sample.issues("empty.py")] == [(1, 1)]


@pytest.mark.parametrize(
    "source",
    ["", "/nowhere/at/all.sarif", "a\0b", 7, None, io.StringIO("{}")],
    ids=["empty", "nowhere", "NUL", "number", "None", "text"],
)
def test_what_is_no_source(sample: Sample, source: Any) -> None:
    """A path that leads nowhere, text, or something else: an error that names the argument."""
    with pytest.raises(InvalidValue) as caught:
        sample.load(source)
    assert caught.value.field == "source"


def test_sources(sample: Sample, tmp_path: Path) -> None:
    """Bytes, a path, or an open file, which need not be seekable; a folder is none."""
    for source in (sarif(result()), io.BytesIO(sarif(result()))):
        assert sample.load(source).reviews == 1
    with pytest.raises(InvalidValue, match="is a folder"):
        sample.load(tmp_path)


def test_rights(sample: Sample) -> None:
    """Strangers do not learn that the project is there, and nobody adds to an archived one; nothing is recorded."""
    stranger = sample.user("eve")
    with pytest.raises(NotFound):
        sample.vibe.reviews.import_sarif(stranger, sample.id, sarif(result()))
    with pytest.raises(NotFound):
        sample.vibe.reviews.export_sarif(stranger, sample.id)
    sample.vibe.projects.archive(sample.ada, sample.id)
    with pytest.raises(ReadOnlyProject):
        sample.load(sarif(result()))
    assert sample.reviews() == {}


def test_inside_a_transaction_it_is_undone_with_it(sample: Sample) -> None:
    """All or nothing, together with what else the transaction does."""
    with sample.vibe.transaction() as tx:
        assert tx.reviews.import_sarif(sample.ada, sample.id, sarif(result())).reviews == 1
        tx.files.write(sample.ada, sample.id, "new.py", "x\n")
    assert len(sample.issues()) == 1

    def undone() -> None:
        with sample.vibe.transaction() as tx:
            tx.reviews.import_sarif(sample.ada, sample.id, sarif(result(RISKY)))
            raise KeyError

    with pytest.raises(KeyError):
        undone()
    assert set(sample.reviews()) == {("Tool", MATHS)}


def test_severities_count_in_the_score(sample: Sample) -> None:
    """The review's score is that of its issues."""
    sample.load(sarif(result(level="error", properties={"security-severity": "9.8"})))
    assert sample.issues()[0].severity is IssueSeverity.CRITICAL
    assert sample.reviews()["Tool", MATHS].score == file_score(sample.issues(), 12)
