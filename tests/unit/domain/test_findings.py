from __future__ import annotations

import dataclasses
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from vibecore.domain.findings import compare, compare_files, fingerprints
from vibecore.domain.issues import Issue, IssueCategory, IssueSeverity

ISSUES = st.builds(
    Issue,
    line=st.integers(1, 9),
    column=st.just(1),
    severity=st.sampled_from(IssueSeverity),
    category=st.just(IssueCategory.STYLE),
    message=st.just("m"),
    rule_id=st.just("r"),
    fingerprint=st.sampled_from("abcdef"),
    tool=st.just("t"),
    effort_minutes=st.just(1),
    suppressed=st.booleans(),
)
RUNS = st.lists(ISSUES, max_size=12)
LINES = st.lists(st.sampled_from(["x = 1", "\tx = 1", "y", "", "z()"]), max_size=12)


@settings(max_examples=4_000)
@given(RUNS, RUNS)
def test_every_issue_has_one_fate(before: list[Issue], after: list[Issue]) -> None:
    """What was is fixed or existing, what is is new or existing, counted by fingerprint; order is kept."""
    found = compare(before, after)
    prints = {
        name: Counter(issue.fingerprint for issue in part)
        for name, part in (("new", found.new), ("existing", found.existing), ("fixed", found.fixed))
    }
    assert prints["existing"] + prints["fixed"] == Counter(issue.fingerprint for issue in before)
    assert prints["existing"] + prints["new"] == Counter(issue.fingerprint for issue in after)
    assert not prints["new"] & prints["fixed"]
    for part, whole in ((found.new, after), (found.existing, after), (found.fixed, before)):
        rest = iter(whole)
        assert all(any(issue is other for other in rest) for issue in part)


@settings(max_examples=4_000)
@given(RUNS, RUNS)
def test_looking_back_swaps_new_and_fixed(before: list[Issue], after: list[Issue]) -> None:
    """The two sides are treated alike, and nothing is new or fixed between a run and itself."""
    forth, back = compare(before, after), compare(after, before)
    assert Counter(i.fingerprint for i in forth.new) == Counter(i.fingerprint for i in back.fixed)
    assert len(forth.existing) == len(back.existing)
    same = compare(before, before)
    assert (same.new, same.fixed, same.existing) == ((), (), tuple(before))


@given(RUNS)
def test_suppressing_or_moving_is_not_fixing(before: list[Issue]) -> None:
    """Only the fingerprint counts, and `existing` shows the issue as it is now."""
    after = [dataclasses.replace(issue, line=issue.line + 5, suppressed=not issue.suppressed) for issue in before]
    assert compare(before, after).existing == tuple(after)


@settings(max_examples=4_000)
@given(LINES, st.integers(0, 12), st.lists(st.sampled_from(["", "# note", "other()"]), max_size=4), st.booleans())
def test_fingerprints_survive_moved_and_indented_lines(
    lines: list[str], place: int, inserted: list[str], indent: bool
) -> None:
    """Lines that come, or go, elsewhere in the file change no fingerprint, and no two are equal."""
    found = [("t/r", number, text) for number, text in enumerate(lines, 1)]
    moved = [
        ("t/r", number + (len(inserted) if number > place else 0), ("    " if indent else "") + text)
        for _, number, text in found
    ]
    first = fingerprints("a.py", found)
    assert fingerprints("a.py", moved) == first
    assert len(set(first)) == len(first)


@given(LINES, st.randoms(use_true_random=False))
def test_fingerprints_do_not_depend_on_the_order_of_a_report(lines: list[str], random: object) -> None:
    """Tools write their findings in any order; occurrences are counted from the top of the file."""
    found = [("t/r", number, text) for number, text in enumerate(lines, 1)]
    whole = dict(zip(found, fingerprints("a.py", found), strict=True))
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dict(zip(shuffled, fingerprints("a.py", shuffled), strict=True)) == whole


def test_what_was_not_reviewed_is_not_fixed() -> None:
    """A file that the later run does not name is told apart from a clean one."""
    issue = Issue(
        line=1,
        column=1,
        severity=IssueSeverity.ERROR,
        category=IssueCategory.SECURITY,
        message="m",
        rule_id="r",
        fingerprint="f",
        tool="t",
        effort_minutes=1,
    )
    comparison, unknown = compare_files({"a": [issue], "b": [issue]}, {"b": [], "c": [issue]})
    assert comparison.fixed == (issue,)
    assert comparison.new == (issue,)
    assert unknown == ("a",)
