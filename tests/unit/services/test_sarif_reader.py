"""Reading SARIF: what it means, however it is cut into chunks, and what hostile files come to."""

from __future__ import annotations

import io
import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reports_data import DATA, log, result, sarif
from vibecore.domain.errors import InvalidValue
from vibecore.domain.issues import IssueCategory, IssueSeverity
from vibecore.services.reports import json_stream, sarif_meaning, sources
from vibecore.services.reports.json_stream import JsonReader
from vibecore.services.reports.sarif import Result, Run, SarifReader
from vibecore.services.reports.texts import Lines

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


def read(data: bytes) -> tuple[list[Result | None], list[Run]]:
    with sources.opened(data) as file:
        reader = SarifReader(file)
        return list(reader), reader.runs


def only(data: bytes) -> tuple[Result, Run]:
    results, runs = read(data)
    assert len(results) == 1
    assert results[0] is not None
    return results[0], runs[0]


def chunks(text: str, size: int) -> Any:
    return iter([text[at : at + size] for at in range(0, len(text), size)])


@settings(max_examples=1_000)
@given(st.lists(JSON, max_size=6), st.integers(1, 9), st.sampled_from([None, 1]))
def test_an_array_comes_out_as_it_is_however_it_is_cut(values: list[Any], size: int, indent: int | None) -> None:
    """Chunks end anywhere, in numbers and escapes too; nothing follows but space."""
    reader = JsonReader(chunks(json.dumps(values, indent=indent) + " \n", size))
    assert list(reader.elements()) == values
    reader.end()


@settings(max_examples=500)
@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4), st.integers(1, 9), st.data())
def test_what_is_cut_off_is_an_error_and_never_shorter(values: dict[str, Any], size: int, data: Any) -> None:
    """A document that ends early is not read as a smaller one."""
    text = json.dumps(values)
    short = text[: data.draw(st.integers(0, len(text) - 1))]

    def whole() -> None:
        reader = JsonReader(chunks(short, size))
        for _ in reader.members():
            reader.value()

    with pytest.raises(InvalidValue) as caught:
        whole()
    assert caught.value.field == "source"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is cut off"),
        (b"[]", "is no SARIF"),
        (b"{}", "is not SARIF of version 2.1.0"),
        (b'{"version":"2.1.0"}', "has no runs"),
        (b'{"version":"2.0.0","runs":[]}', "version 2.1.0"),
        (b'{"version":"2.1.0","runs":{}}', "no array"),
        (b'{"version":"2.1.0","runs":[7]}', "no object (run 0)"),
        (b'{"version":"2.1.0","runs":[{}]}', "without the name of a tool (run 0)"),
        (b'{"version":"2.1.0","runs":[],"runs":[]}', "has runs twice"),
        (b'{"version":"2.1.0","runs":[{"results":[],"results":[]}]}', "results twice"),
        (b'{"version":"2.1.0","runs":[]} x', "something after its end"),
        (b'{"version":"2.1.0","runs":[{"results":[{]}]}', "is no JSON"),
        (b'{"version":"2.1.0","runs":[{"results":[NaN]}]}', "number"),
        (b'{"version":"2.1.0","runs":[{"results":[' + b"9" * 5000 + b"]}]}", "number"),
        (b'{"version":"2.1.0","runs":[{"results":[' + b"[" * 100_000, "nested too deeply"),
        (sarif(result())[:-20], "is cut off"),
        (sarif(result()).decode().encode("utf-16"), "is not in UTF-8"),
        (sarif(result(message={"text": "é"})).replace(b"\\u00e9", "é".encode("latin-1")), "is not in UTF-8"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_a_damaged_report_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    """Damaged, cut off, in another version or encoding: an error that names the source, not a crash, not a part."""
    with pytest.raises(InvalidValue) as caught:
        read(data)
    assert caught.value.field == "source"
    assert reason in caught.value.reason


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An enormous value, file or list of rules ends in an error before it is in memory."""
    monkeypatch.setattr(json_stream, "MAX_VALUE_LENGTH", 1_000)
    monkeypatch.setattr(sources, "CHUNK_BYTES", 64)
    with pytest.raises(InvalidValue, match="more than 1000 characters"):
        read(sarif(result(message={"text": "x" * 5_000})))
    with pytest.raises(InvalidValue, match="larger than 10 bytes"), sources.opened(b"{" + b" " * 20, limit=10) as file:
        list(SarifReader(file))


def test_memory_is_flat() -> None:
    """Ten times the results take no more memory: results are read one by one."""

    def peak(count: int) -> int:
        data = sarif(*[result(line=number + 1) for number in range(count)])
        file = io.BytesIO(data)
        tracemalloc.start()
        try:
            with sources.opened(file) as bounded:
                assert sum(1 for _ in SarifReader(bounded)) == count
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(3_000), peak(30_000)
    assert large < 1.3 * small + 100_000


def test_a_byte_order_mark_is_no_part_of_the_document() -> None:
    """Some tools on Windows write one."""
    assert only(b"\xef\xbb\xbf" + sarif(result()))[0].line == 2


def test_wrong_types_count_as_missing() -> None:
    """One wrong property does not lose the result; an entry that is no object is told."""
    strange = {"ruleId": 7, "message": "text", "locations": "here", "level": [], "properties": 1, "suppressions": 3}
    results, _ = read(sarif(strange, "nothing", None, result(line=None)))
    first = results[0]
    assert first is not None
    assert (first.rule_id, first.text, first.location, first.suppressed) == (None, None, None, False)
    assert results[1:3] == [None, None]


@pytest.mark.parametrize(
    ("suppressions", "suppressed", "reason"),
    [
        (None, False, None),
        ([], False, None),
        ([{"kind": "inSource"}], True, None),
        ([{"kind": "external", "status": "accepted", "justification": "known"}], True, "known"),
        ([{"kind": "external", "status": "underReview"}], False, None),
        ([{"kind": "inSource"}, {"kind": "external", "status": "rejected"}], False, None),
    ],
)
def test_suppressions(suppressions: Any, suppressed: bool, reason: str | None) -> None:
    """SARIF 3.27.23: an empty list says that nothing is suppressed, and a rejected request suppresses nothing."""
    found, _ = only(sarif(result(suppressions=suppressions)))
    assert (found.suppressed, found.suppression) == (suppressed, reason)


@pytest.mark.parametrize(
    ("more", "rule", "severity"),
    [
        ({}, {}, IssueSeverity.WARNING),
        ({"level": "error"}, {}, IssueSeverity.ERROR),
        ({"level": "note"}, {}, IssueSeverity.INFO),
        ({"level": "none"}, {}, IssueSeverity.INFO),
        ({"level": "terrible"}, {}, IssueSeverity.WARNING),
        ({"kind": "review"}, {}, IssueSeverity.INFO),
        ({}, {"defaultConfiguration": {"level": "error"}}, IssueSeverity.ERROR),
        ({"level": "note"}, {"defaultConfiguration": {"level": "error"}}, IssueSeverity.INFO),
        ({}, {"properties": {"security-severity": "9.1"}}, IssueSeverity.CRITICAL),
        ({}, {"properties": {"security-severity": "9.0"}}, IssueSeverity.ERROR),
        ({}, {"properties": {"security-severity": "7.0"}}, IssueSeverity.ERROR),
        ({}, {"properties": {"security-severity": 4}}, IssueSeverity.WARNING),
        ({"level": "note"}, {"properties": {"security-severity": "3.9"}}, IssueSeverity.INFO),
        ({"level": "error"}, {"properties": {"security-severity": "1.0"}}, IssueSeverity.ERROR),
        ({}, {"properties": {"security-severity": "nan"}}, IssueSeverity.WARNING),
        ({}, {"properties": {"security-severity": "11"}}, IssueSeverity.WARNING),
        ({"properties": {"vibecore": {"severity": "critical"}}}, {}, IssueSeverity.CRITICAL),
        ({"properties": {"vibecore": {"severity": "fatal"}}}, {}, IssueSeverity.WARNING),
    ],
)
def test_severities(more: Any, rule: Any, severity: IssueSeverity) -> None:
    """The result's level, the rule's, the standard's default; a CVSS score only ever makes it worse."""
    found, run = only(sarif(result(**more), rules=[{"id": "R1", **rule}]))
    assert sarif_meaning.severity(found, sarif_meaning.RuleBook(run).find(found)) is severity


@pytest.mark.parametrize(
    ("properties", "tool", "category"),
    [
        ({}, "Tool", IssueCategory.MAINTAINABILITY),
        ({"tags": ["odd", 7]}, "Tool", IssueCategory.MAINTAINABILITY),
        ({"tags": ["maintainability", "Security"]}, "CodeQL", IssueCategory.SECURITY),
        ({"tags": ["external/cwe/cwe-78"]}, "Tool", IssueCategory.SECURITY),
        ({"security-severity": "5.0"}, "Tool", IssueCategory.SECURITY),
        ({"category": "performance"}, "Tool", IssueCategory.PERFORMANCE),
        ({"tags": ["correctness"]}, "Tool", IssueCategory.CORRECTNESS),
        ({}, "Bandit", IssueCategory.SECURITY),
    ],
)
def test_categories(properties: Any, tool: str, category: IssueCategory) -> None:
    """Tags, a score or the tool tell; what nobody tells is maintainability."""
    found, run = only(sarif(result(), rules=[{"id": "R1", "properties": properties}], tool=tool))
    assert sarif_meaning.category(found, sarif_meaning.RuleBook(run).find(found), run) is category


def test_rules_are_found_by_place_and_by_id() -> None:
    """Hierarchical ids, a place that contradicts the id, an extension's rules, two rules of one id, none at all."""
    rules = [
        {"id": "A", "shortDescription": {"text": "a"}},
        {"id": "B"},
        {"id": "A", "shortDescription": {"text": "z"}},
    ]
    extension = {"name": "x", "rules": [{"id": "E", "shortDescription": {"text": "e"}}]}
    results = [
        result(ruleId="A/1", ruleIndex=0),
        result(ruleId="B", ruleIndex=0),
        result(ruleId=None, ruleIndex=1),
        result(ruleId="A"),
        result(ruleId="E", rule={"index": 0, "toolComponent": {"index": 0}}),
        result(ruleId="unheard-of", ruleIndex=99),
        result(ruleId=None),
    ]
    found, runs = read(
        log({"results": results, "tool": {"driver": {"name": "T", "rules": rules}, "extensions": [extension]}})
    )
    book = sarif_meaning.RuleBook(runs[0])
    named = [book.find(one) for one in found if one is not None]
    assert [None if rule is None else (rule.id, rule.messages.get("")) for rule in named] == [
        ("A", "a"),
        ("B", None),
        ("B", None),
        ("A", "a"),
        ("E", "e"),
        None,
        None,
    ]
    ids = [sarif_meaning.rule_id(one, book.find(one)) for one in found if one is not None]
    assert ids == ["A/1", "B", "B", "A", "E", "unheard-of", "unknown"]


def test_messages_take_their_arguments_once() -> None:
    """By id from the rule, placeholders replaced, an argument that looks like one kept; never empty, never too long."""
    rule = {"id": "R1", "messageStrings": {"m": {"text": "'{0}' and {1} and {7}"}}}
    found, run = only(sarif(result(message={"id": "m", "arguments": ["{1}", "two"]}), rules=[rule]))
    named = sarif_meaning.RuleBook(run).find(found)
    assert sarif_meaning.message(found, named) == "'{1}' and two and {7}"
    assert sarif_meaning.message(only(sarif(result(message={"text": " "})))[0], None) == sarif_meaning.NO_MESSAGE
    long = sarif_meaning.message(only(sarif(result(message={"text": "a\0\ud800" * 4_000})))[0], None)
    assert len(long) == 4_000
    assert "\0" not in long
    long.encode()


@given(st.text("aé😀\n\r", max_size=30), st.data())
def test_columns_and_offsets_in_utf16_become_code_points(text: str, data: Any) -> None:
    """Each character is found at the place that counts it in UTF-16 code units, as in code points."""
    if not text:
        return
    offset = data.draw(st.integers(0, len(text) - 1))
    units = len(text[:offset].encode("utf-16-le")) // 2
    lines = Lines(text)
    before = text[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    if len(lines) >= line:
        assert lines.place(offset, utf16=False) == lines.place(units, utf16=True) == (line, column)
        inline = len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2 + 1
        shown = min(column, len(lines.text(line)) + 1)
        assert lines.column(line, inline, utf16=True) == lines.column(line, column, utf16=False) == shown


@pytest.mark.parametrize(("name", "tool", "count"), [("ruff.sarif", "ruff", 15), ("bandit.sarif", "Bandit", 5)])
def test_real_reports_are_read(name: str, tool: str, count: int) -> None:
    """What the tools themselves wrote: every result has a rule, a place and a message."""
    results, runs = read((DATA / name).read_bytes())
    assert [run.tool for run in runs] == [tool]
    book = sarif_meaning.RuleBook(runs[0])
    for one in results:
        assert one is not None
        assert book.find(one) is not None
        assert one.line
        assert one.location is not None
        assert sarif_meaning.message(one, None) != sarif_meaning.NO_MESSAGE
    assert len(results) == runs[0].results == count
