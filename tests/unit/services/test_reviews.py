from __future__ import annotations

import dataclasses
from typing import Any
from uuid import UUID

import pytest

from tests.unit.services.workbench import Bench
from vibecore.domain.errors import InvalidValue, NotFound, PermissionDenied, ReadOnlyProject
from vibecore.domain.issues import Issue, IssueCategory, IssueSeverity, file_score
from vibecore.domain.text import count_lines
from vibecore.services import reviewing
from vibecore.services.reviewers.protocol import FileReview, NotReviewed
from vibecore.services.reviewing import ReviewProgress, ReviewReport, Unreviewed

ISSUE = Issue(
    line=2,
    column=1,
    severity=IssueSeverity.ERROR,
    category=IssueCategory.CORRECTNESS,
    message="is wrong",
    rule_id="W1",
    fingerprint="f" * 32,
    tool="words",
    effort_minutes=30,
)


class Words:
    """Finds the word "bad"; gives up on the word "riddle"."""

    def __init__(self, name: str = "words", languages: frozenset[str] = frozenset({"Python"})) -> None:
        self.name = name
        self.languages = languages
        self.read: list[str] = []

    def review(self, path: str, content: str) -> FileReview:
        self.read.append(path)
        if "riddle" in content:
            raise NotReviewed("is a riddle")
        issues = tuple(
            dataclasses.replace(ISSUE, line=number, suppressed="accepted" in line)
            for number, line in enumerate(content.split("\n"), 1)
            if "bad" in line
        )
        return FileReview(issues=issues, highlights=("short",), summary="words", lines=count_lines(content))


@pytest.fixture
def bench() -> Bench:
    found = Bench()
    write(found, "src/a.py", "x = 1\nbad = 2\n")
    write(found, "src/b.py", "y = 1\n")
    write(found, "notes.md", "bad")
    assert found.trips == 9
    return found


def write(bench: Bench, path: str, content: str | bytes) -> None:
    bench.files.write(bench.owner, bench.id, path, content)


def run(bench: Bench, *reviewers: Words, **options: Any) -> ReviewReport:
    bench.effects.clock.move(seconds=1)
    return bench.reviews.run(bench.owner, bench.id, reviewers=reviewers, **options)


def test_what_is_recorded_is_found(bench: Bench) -> None:
    review = bench.reviews.record(
        bench.owner, bench.id, "src/a.py", issues=[ISSUE], summary="so so", highlights=["brief"], reviewer="ada"
    )
    assert bench.reviews.get(bench.owner, bench.id, review.id) == review
    file = bench.files.read(bench.owner, bench.id, "src/a.py")
    assert (review.file_path, review.language, review.digest, review.line_count) == (
        file.path,
        "Python",
        file.digest,
        2,
    )
    assert (review.reviewer, review.summary, review.highlights) == ("ada", "so so", ["brief"])
    assert [Issue.from_json(issue) for issue in review.issues] == [ISSUE]
    assert review.score == file_score([ISSUE], 2)
    event = bench.trail()[-1]
    assert (event.action, event.resource_id) == ("review.recorded", review.id)
    told = event.details["changes"]
    assert (told["file_path"], told["reviewer"], told["issues"]) == (
        [None, "src/a.py"],
        [None, "ada"],
        [None, {"entries": 1}],
    )
    assert (told["score"], told["summary"]) == ([None, review.score], [None, {"length": 5}])


def test_a_score_of_ones_own_counts(bench: Bench) -> None:
    assert bench.reviews.record(bench.owner, bench.id, "src/a.py", issues=[ISSUE], score=12).score == 12


def test_issues_of_other_programs_are_taken_as_json(bench: Bench) -> None:
    given = {"line": 1, "column": 2, "severity": "info", "category": "style", "message": "tabs"}
    review = bench.reviews.record(bench.owner, bench.id, "src/a.py", issues=[given])
    assert review.issues[0]["tool"] == "manual"
    assert review.issues[0]["effort_minutes"] == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("issues", {"issues": None}),
        ("issues", {"issues": {"line": 1}}),
        ("issues[0]", {"issues": [7]}),
        ("issues[1].severity", {"issues": [ISSUE, dataclasses.replace(ISSUE, severity="awful")]}),  # type: ignore[arg-type]
        ("issues[0].line", {"issues": [dataclasses.replace(ISSUE, line=0)]}),
        ("issues[0].message", {"issues": [{"line": 1, "column": 1, "severity": "info", "category": "style"}]}),
        ("score", {"score": 101}),
        ("score", {"score": True}),
        ("score", {"score": "90"}),
        ("summary", {"summary": 7}),
        ("highlights", {"highlights": "good"}),
        ("highlights[0]", {"highlights": [float("nan")]}),
        ("reviewer", {"reviewer": ""}),
        ("reviewer", {"reviewer": None}),
        ("path", {"path": "/a"}),
    ],
)
def test_wrong_values_are_named(bench: Bench, name: str, options: dict[str, Any]) -> None:
    before = bench.trail()
    with pytest.raises(InvalidValue) as caught:
        bench.reviews.record(bench.owner, bench.id, **({"path": "src/a.py"} | options))
    assert caught.value.field == name
    assert bench.trail() == before


@pytest.mark.parametrize("path", ["src", "src/none.py"])
def test_only_files_are_reviewed(bench: Bench, path: str) -> None:
    with pytest.raises(NotFound) as caught:
        bench.reviews.record(bench.owner, bench.id, path, score=1)
    assert caught.value.facts == {"kind": "file", "key": path}


def test_latest_is_the_newest_of_each_file_and_reviewer(bench: Bench) -> None:
    for score in (10, 20):
        for path, reviewer in (("src/b.py", "z"), ("src/a.py", "z"), ("src/a.py", "ada")):
            bench.effects.clock.move(seconds=1)
            bench.reviews.record(bench.owner, bench.id, path, score=score, reviewer=reviewer)
    latest = bench.reviews.latest(bench.owner, bench.id)
    assert [(review.file_path, review.reviewer, review.score) for review in latest] == [
        ("src/a.py", "ada", 20),
        ("src/a.py", "z", 20),
        ("src/b.py", "z", 20),
    ]
    first = bench.reviews.page(bench.owner, bench.id, limit=4)
    rest = bench.reviews.page(bench.owner, bench.id, limit=4, cursor=first.next_cursor)
    assert [review.score for review in (*first.items, *rest.items)] == [20, 20, 20, 10, 10, 10]


def test_a_run_reviews_every_file_of_the_reviewers_languages(bench: Bench) -> None:
    words = Words()
    report = run(bench, words)
    assert words.read == ["src/a.py", "src/b.py"]
    assert report == ReviewReport(
        reviewed=2,
        unchanged=0,
        lines=3,
        issues={"critical": 0, "error": 1, "warning": 0, "info": 0},
        not_reviewed=(),
    )
    first, second = bench.reviews.latest(bench.owner, bench.id)
    assert (first.file_path, first.reviewer, first.line_count, first.language) == ("src/a.py", "words", 2, "Python")
    assert (first.score, first.summary, first.highlights) == (file_score([ISSUE], 2), "words", ["short"])
    assert first.digest == bench.files.read(bench.owner, bench.id, "src/a.py").digest
    assert (second.file_path, second.score, second.issues) == ("src/b.py", 100, [])
    event = bench.trail()[-1]
    assert event.action == "reviews.run"
    assert event.details == {
        "reviewers": ["words"],
        "files": 2,
        "lines": 3,
        "issues": 1,
        "not_reviewed": 0,
        "rows": {"code_reviews": {"inserted": 2}},
    }


def test_only_what_changed_is_reviewed_again(bench: Bench) -> None:
    run(bench, Words())
    trail, words = bench.trail(), Words()
    assert run(bench, words) == ReviewReport(
        reviewed=0,
        unchanged=2,
        lines=0,
        issues={"critical": 0, "error": 0, "warning": 0, "info": 0},
        not_reviewed=(),
    )
    assert words.read == []
    assert bench.trail() == trail
    write(bench, "src/a.py", "x = 2\n")
    write(bench, "src/c.py", "z = 1\n")
    report = run(bench, words)
    assert words.read == ["src/a.py", "src/c.py"]
    assert (report.reviewed, report.unchanged) == (2, 1)
    assert len(bench.reviews.page(bench.owner, bench.id).items) == 4


def test_what_cannot_be_reviewed_is_never_clean(bench: Bench) -> None:
    write(bench, "src/b.py", "riddle\n")
    write(bench, "src/latin.py", b"# caf\xe9\n")
    report = run(bench, Words())
    assert report.not_reviewed == (
        Unreviewed(path="src/b.py", reviewer="words", reason="is a riddle"),
        Unreviewed(path="src/latin.py", reviewer="words", reason="it is no UTF-8 text"),
    )
    assert [review.file_path for review in bench.reviews.latest(bench.owner, bench.id)] == ["src/a.py"]
    assert bench.trail()[-1].details["not_reviewed"] == 2


def test_accepted_issues_are_kept_and_not_counted(bench: Bench) -> None:
    write(bench, "src/a.py", "bad = 1  # accepted\nbad = 2\n")
    report = run(bench, Words())
    assert report.issues["error"] == 1
    assert [issue["suppressed"] for issue in bench.reviews.latest(bench.owner, bench.id)[0].issues] == [True, False]


def test_several_reviewers_judge_for_themselves(bench: Bench) -> None:
    run(bench, Words())
    report = run(bench, Words(), Words("prose", frozenset({"Markdown", "Python"})))
    assert (report.reviewed, report.unchanged) == (3, 2)
    assert [(one.file_path, one.reviewer) for one in bench.reviews.latest(bench.owner, bench.id)] == [
        ("notes.md", "prose"),
        ("src/a.py", "prose"),
        ("src/a.py", "words"),
        ("src/b.py", "prose"),
        ("src/b.py", "words"),
    ]


def test_a_file_that_changes_meanwhile_is_not_reviewed(bench: Bench) -> None:
    def meddle(progress: ReviewProgress) -> None:
        write(bench, "src/a.py", "changed\n")
        bench.files.delete(bench.owner, bench.id, "src/b.py")

    write(bench, "src/c.py", "z = 1\n")
    report = run(bench, Words(), progress=meddle)
    assert [(one.path, one.reason) for one in report.not_reviewed] == [
        ("src/a.py", "changed meanwhile"),
        ("src/b.py", "changed meanwhile"),
    ]
    assert [review.file_path for review in bench.reviews.latest(bench.owner, bench.id)] == ["src/c.py"]


def test_files_are_read_by_pages(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "READ_AT_ONCE", 3)
    for number in range(5):
        write(bench, f"more/f{number}.py", "bad\n")
    seen: list[ReviewProgress] = []
    report = run(bench, Words(), progress=seen.append)
    assert report.reviewed == 7
    assert [(progress.files, progress.path) for progress in seen] == [
        (3, "more/f2.py"),
        (6, "src/a.py"),
        (7, "src/b.py"),
    ]


def test_a_stop_in_the_middle_records_nothing(bench: Bench) -> None:
    class Stop(Exception):
        pass

    def stop(progress: ReviewProgress) -> None:
        raise Stop

    before = bench.trail()
    with pytest.raises(Stop):
        run(bench, Words(), progress=stop)
    assert bench.reviews.latest(bench.owner, bench.id) == ()
    assert bench.trail() == before


def test_the_built_in_reviewer_reads_python(bench: Bench) -> None:
    write(bench, "src/a.py", "def f(x=[]):\n    return eval(x)\n")
    write(bench, "src/broken.py", "def f(:\n")
    report = bench.reviews.run(bench.owner, bench.id)
    assert report.reviewed == 2
    assert [one.path for one in report.not_reviewed] == ["src/broken.py"]
    assert sum(report.issues.values()) >= 2
    assert bench.reviews.run(bench.owner, bench.id).unchanged == 2


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("reviewers", {"reviewers": 7}),
        ("reviewers", {"reviewers": [object()]}),
        ("reviewers", {"reviewers": [Words(), Words()]}),
        ("reviewers", {"reviewers": [Words("")]}),
        ("progress", {"progress": 7}),
        ("project_id", {"project_id": "x"}),
    ],
)
def test_wrong_arguments_of_a_run_are_named(bench: Bench, name: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as caught:
        bench.reviews.run(bench.owner, **({"project_id": bench.id} | options))
    assert caught.value.field == name


def test_round_trips(bench: Bench) -> None:
    review = bench.reviews.record(bench.owner, bench.id, "src/a.py", score=50)
    assert bench.trips == 3
    for call in (bench.reviews.latest, bench.reviews.page):
        call(bench.owner, bench.id)
        assert bench.trips == 1
    bench.reviews.get(bench.owner, bench.id, review.id)
    assert bench.trips == 1
    run(bench, Words())
    assert bench.trips == 6


def test_rights_and_archive(bench: Bench) -> None:
    for call in (
        lambda actor: bench.reviews.record(actor, bench.id, "src/a.py", score=1),
        lambda actor: bench.reviews.run(actor, bench.id, reviewers=[Words()]),
    ):
        with pytest.raises(PermissionDenied) as denied:
            call(bench.viewer)
        assert denied.value.action == "reviews.write"
        with pytest.raises(NotFound) as hidden:
            call(bench.stranger)
        assert hidden.value.kind == "project"
    bench.archive()
    with pytest.raises(ReadOnlyProject):
        bench.reviews.record(bench.owner, bench.id, "src/a.py", score=1)
    words = Words()
    with pytest.raises(ReadOnlyProject):
        run(bench, words)
    assert words.read == []


def test_an_unknown_review_is_not_found(bench: Bench) -> None:
    assert bench.reviews.find(bench.owner, bench.id, UUID(int=1)) is None
    with pytest.raises(NotFound) as caught:
        bench.reviews.get(bench.owner, bench.id, UUID(int=1))
    assert caught.value.kind == "code_review"
