"""Values: for each trap of two stores the one rule that holds, and that every valid value comes back."""

from __future__ import annotations

import pickle
import random
from collections import OrderedDict
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain import json
from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.deployments import DEPLOYMENTS
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import FILES
from vibecore.domain.filters import field
from vibecore.domain.projects import PROJECTS
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.rules import EARLIEST, INT_MAX, LATEST, Text
from vibecore.domain.schema import Table
from vibecore.domain.scores import QUALITY_SCORES
from vibecore.domain.users import USERS, email_key
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing import strategies
from vibecore.testing.builders import build, changed, make, prepare
from vibecore.testing.contract.expect import each_table, invalid, refused
from vibecore.testing.contract.validity import read_back
from vibecore.testing.wrong import NUL, SURROGATES, nested

# -- text


def description(tx: UnitOfWork, text: str) -> Any:
    """A text of no fixed length, stored and read."""
    return read_back(tx, PROJECTS, prepare(tx, PROJECTS, description=text)).description


@pytest.mark.parametrize(
    "text", [*strategies.TEXTS, "x" * 1_000_000, "😀" * 100_000, "".join(map(chr, range(1, 0xD800)))]
)
def test_text_comes_back_unchanged(store: Store, text: str) -> None:
    """No trimming, no normal form, no change of line ends, whatever the characters and the length."""
    with store.begin() as tx:
        assert description(tx, text) == text


@pytest.mark.parametrize("text", [NUL, "\0", *SURROGATES])
def test_nul_and_lone_surrogates_are_refused_everywhere(store: Store, text: str) -> None:
    """In text, JSON values and keys, arrays, filters and look-ups: InvalidValue before anything is sent."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        for wrong in ({"name": text}, {"description": text}, {"tech_stack": {"a": text}}, {"tech_stack": {text: 1}}):
            with invalid(next(iter(wrong))):
                tx.projects.insert(build(PROJECTS, owner_id=project.owner_id, **wrong))
        with invalid("logs"):
            tx.deployments.insert(build(DEPLOYMENTS, project_id=project.id, logs=["fine", text]))
        for condition in (field("name").eq(text), field("name").contains(text), field("tech_stack").includes([text])):
            with pytest.raises(InvalidValue):
                tx.projects.count(where=condition)
        for call in (
            lambda: tx.users.find_by_email_key(text),
            lambda: tx.files.find_path(project.id, text),
            lambda: tx.sessions.find_by_token(project.owner_id, text),
            lambda: tx.deployments.running(project.id, text),
            lambda: tx.reviews.delete_paths(project.id, [text]),
        ):
            with pytest.raises(InvalidValue):
                call()
        assert tx.projects.page().items == (project,)


def test_lengths_count_characters_and_spaces(store: Store) -> None:
    """A limit of n takes n characters of any size; one more is refused, a space at the end too."""
    with store.begin() as tx:
        owner = make(tx, USERS)
        for char in ("x", "é", "😀", " "):
            project = make(tx, PROJECTS, owner_id=owner.id, name=char * 255)
            assert tx.projects.get(project.id).name == char * 255
            for long in (char * 256, "x" * 255 + char):
                with refused(InvalidValue("name", "is longer than 255 characters")):
                    tx.projects.insert(build(PROJECTS, owner_id=owner.id, name=long))


@each_table
def test_the_longest_values_fit(store: Store, table: Table[Any]) -> None:
    """Text of full length in every field at once, in characters that cannot be compressed, fits every index."""
    chance = random.Random(table.name)

    def longest(rule: Text) -> str:
        assert rule.longest is not None
        text = "".join(chr(chance.randrange(0x10000, 0x10FFFF)) for _ in range(rule.longest))
        most = rule.most_bytes or 4 * rule.longest
        # The rest of the characters is ASCII where the bytes do not suffice.
        astral = min(rule.longest, (most - rule.longest) // 3) if most < 4 * rule.longest else rule.longest
        return text[:astral] + "".join(chr(chance.randrange(33, 127)) for _ in range(rule.longest - astral))

    with store.begin() as tx:
        rules = {column.name: column.rule for column in table.columns}
        long = {name: longest(rule) for name, rule in rules.items() if isinstance(rule, Text) and rule.longest}
        record = changed(prepare(tx, table), **long)
        assert read_back(tx, table, record) == record


def test_a_path_is_limited_in_bytes_too(store: Store) -> None:
    """1,000 characters of four bytes would not fit an index: refused, while as many of one byte are stored."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        assert make(tx, FILES, project_id=project.id, path="x" * 1000).path == "x" * 1000
        assert make(tx, FILES, project_id=project.id, path="😀" * 650).path == "😀" * 650
        with refused(InvalidValue("path", "is larger than 2600 bytes of UTF-8")):
            tx.files.insert(build(FILES, project_id=project.id, path="😀" * 651))


def test_normal_forms_are_different_texts(store: Store) -> None:
    """Composed and decomposed spelling are two values, for uniqueness, filters and look-ups."""
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        one = make(tx, FILES, project_id=project.id, path=composed)
        other = make(tx, FILES, project_id=project.id, path=decomposed)
        assert tx.files.find_path(project.id, composed) == one
        assert tx.files.find_path(project.id, decomposed) == other
        assert tx.files.count(project.id, where=field("path").eq(decomposed)) == 1


def test_case_and_spaces_make_different_unique_values(store: Store) -> None:
    """Uniqueness compares code points: case, and spaces at the ends, count."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        paths = ["a", "A", "a ", " a", "ａ", "á"]
        for path in paths:
            make(tx, FILES, project_id=project.id, path=path)
        assert set(tx.files.stamps(project.id)) == set(paths)


def test_addresses_meet_by_their_key(store: Store) -> None:
    """Which spellings of an address are one account is decided in Python, once, and stored as a key."""
    assert email_key("Straße@Example.org") == email_key("STRASSE@EXAMPLE.ORG") != email_key("Strase@example.org")
    with store.begin() as tx:
        first = make(tx, USERS, email="Straße@example.org", email_key=email_key("Straße@example.org"))
        assert tx.users.find_by_email_key(email_key("STRASSE@Example.org")) == first
        assert tx.users.find_by_email_key("Straße@example.org") is None


# -- numbers


@pytest.mark.parametrize("value", [True, False, 1.0, "1", Decimal(1)])
def test_only_integers_are_integers(store: Store, value: Any) -> None:
    """A bool is none, nor is a number that happens to be whole: in records and in filters."""
    with store.begin() as tx:
        owner = make(tx, USERS)
        with invalid("file_count"):
            tx.projects.insert(build(PROJECTS, owner_id=owner.id, file_count=value))
        with invalid("file_count"):
            tx.projects.count(where=field("file_count").eq(value))
        assert tx.projects.count() == 0


def test_integers_have_32_bits(store: Store) -> None:
    """The bounds are stored, one beyond is refused, for filters too."""
    with store.begin() as tx:
        owner = make(tx, USERS)
        project = make(tx, PROJECTS, owner_id=owner.id, file_count=INT_MAX)
        assert tx.projects.get(project.id).file_count == INT_MAX
        with invalid("file_count"):
            tx.projects.insert(build(PROJECTS, owner_id=owner.id, file_count=INT_MAX + 1))
        with invalid("file_count"):
            tx.projects.count(where=field("file_count").lt(INT_MAX + 1))


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("0.0049999", "0.00"),
        ("-0.004", "0.00"),
        ("-0", "0.00"),
        ("1E+1", "10.00"),
        ("1E-20", "0.00"),
        ("99.995", "100.00"),
        ("100.004999", "100.00"),
        ("7", "7.00"),
        ("33.333333333333333333333333333333333333", "33.33"),
    ],
)
def test_numbers_are_rounded_half_away_from_zero(store: Store, given: str, stored: str) -> None:
    """To two places, then checked against the range; zero has no sign; the digits are always two."""
    with store.begin() as tx:
        record = prepare(tx, QUALITY_SCORES, score=Decimal(given))
        found = read_back(tx, QUALITY_SCORES, record).score
        assert (str(found), found.as_tuple()) == (stored, Decimal(stored).as_tuple())


@pytest.mark.parametrize("given", ["100.005", "-0.005", "NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", "1E+6"])
def test_numbers_out_of_range_are_refused(store: Store, given: str) -> None:
    """After rounding; what is not finite too."""
    with store.begin() as tx:
        with invalid("score"):
            tx.scores.insert(prepare(tx, QUALITY_SCORES, score=Decimal(given)))
        assert tx.users.count() == 1


def test_sums_are_exact_and_empty_ones_are_zero(store: Store) -> None:
    """Beyond 32 bits too."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        empty = tx.files.totals(project.id)
        assert (empty.file_count, empty.total_lines, type(empty.total_lines)) == (0, 0, int)
        for _ in range(3):
            make(tx, FILES, project_id=project.id, line_count=INT_MAX)
        totals = tx.files.totals(project.id)
        assert (totals.file_count, totals.total_lines) == (3, 3 * INT_MAX)
        assert type(totals.total_lines) is int


# -- time

ODD: Final = timezone(timedelta(hours=-11, minutes=-29, seconds=-59, microseconds=-1))


@pytest.mark.parametrize(
    "moment",
    [
        EARLIEST,
        LATEST,
        datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=ODD),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(1, 1, 2, 12, tzinfo=timezone(timedelta(hours=12))),
        datetime(1582, 10, 10, tzinfo=UTC),
        datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=UTC),
        datetime(99, 12, 31, tzinfo=UTC),
    ],
    ids=str,
)
def test_moments_come_back_in_utc(store: Store, moment: datetime) -> None:
    """The same moment to the microsecond, as UTC, for every year that can be written."""
    with store.begin() as tx:
        user = read_back(tx, USERS, build(USERS, last_login_at=moment))
        assert user.last_login_at == moment
        assert user.last_login_at.tzinfo is UTC
        assert user.last_login_at.fold == 0


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2024, 5, 1),  # noqa: DTZ001  # naive on purpose
        EARLIEST - timedelta(microseconds=1),
        LATEST + timedelta(microseconds=1),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-23))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=23))),
    ],
    ids=str,
)
def test_naive_and_distant_moments_are_refused(store: Store, moment: datetime) -> None:
    """What some session time zone could not show again is never written."""
    with store.begin() as tx:
        with invalid("last_login_at"):
            tx.users.insert(build(USERS, last_login_at=moment))
        with invalid("last_login_at"):
            tx.users.count(where=field("last_login_at").lt(moment))
        assert tx.users.count() == 0


@pytest.mark.parametrize("year", [1, 1900, 1999, 2024, 2025, 2026, 2100, 9999])
def test_events_of_any_time_are_stored(store: Store, year: int) -> None:
    """The audit trail is kept by months: there is a place for each."""
    with store.begin() as tx:
        moment = datetime(year, 12, 29, 23, 59, 59, 999999, tzinfo=UTC)
        assert read_back(tx, AUDIT_LOGS, build(AUDIT_LOGS, created_at=moment)).created_at == moment


# -- ids, JSON and arrays


def test_the_type_of_what_is_stored_is_the_declared_one(store: Store) -> None:
    """Subclasses of text, datetime and UUID are stored as what they stand for."""

    class Words(str):
        __slots__ = ()

    class Moment(datetime):
        pass

    class Id(UUID):
        pass

    moment = Moment(2024, 5, 1, 12, tzinfo=UTC)
    with store.begin() as tx:
        record = build(USERS, id=Id(int=7), name=Words("Ada"), last_login_at=moment)
        found = read_back(tx, USERS, record)
        assert [type(value) for value in (found.id, found.name, found.last_login_at)] == [UUID, str, datetime]


@pytest.mark.parametrize(
    "number", [0, -1, 2**63 - 1, -(2**63), 0.0, 1.0, -1.0, 1e16, 1e22, 1.5e300, 5e-324, 0.1, 1e-7, 123456789012345680.0]
)
def test_json_numbers_keep_kind_and_value(store: Store, number: float) -> None:
    """A float comes back as a float, also where it is whole or would be written with an exponent."""
    with store.begin() as tx:
        stack = read_back(tx, PROJECTS, prepare(tx, PROJECTS, tech_stack={"at": [number, {"deep": number}]})).tech_stack
        for found in (stack["at"][0], stack["at"][1]["deep"]):
            assert (found, type(found)) == (number, type(number))


def test_json_has_no_negative_zero(store: Store) -> None:
    """-0.0 is stored as 0.0."""
    with store.begin() as tx:
        found = read_back(tx, PROJECTS, prepare(tx, PROJECTS, tech_stack={"at": -0.0})).tech_stack["at"]
        assert str(found) == "0.0"


def test_json_tells_booleans_numbers_and_nulls_apart(store: Store) -> None:
    """true is not 1 and false is not 0 or null; an inner null stays."""
    entries: list[Any] = [True, False, None, 1, 0, 1.0, "1", "", [], {}]
    with store.begin() as tx:
        found = read_back(tx, CODE_REVIEWS, prepare(tx, CODE_REVIEWS, issues=entries)).issues
        assert [(type(entry), entry) for entry in found][:7] == [(type(entry), entry) for entry in entries][:7]
        assert found == entries
        assert found != [1, *entries[1:]]


def test_json_takes_mappings_and_tuples_and_returns_frozen_values(store: Store) -> None:
    """Any mapping is an object, tuples are arrays; what comes back is equal, immutable, hashable and picklable."""
    given_stack = OrderedDict({"b": (1, 2), "a": MappingProxyType({"x": ()})})
    with store.begin() as tx:
        found = read_back(tx, PROJECTS, prepare(tx, PROJECTS, tech_stack=given_stack)).tech_stack
        assert found == {"a": {"x": []}, "b": [1, 2]}
        assert (type(found), type(found["b"])) == (json.JsonObject, json.JsonArray)
        assert hash(found) == hash(json.freeze("stack", {"a": {"x": []}, "b": [1, 2]}))
        assert pickle.loads(pickle.dumps(found)) == found  # our own bytes


def test_json_keys_keep_one_order(store: Store) -> None:
    """Shorter keys first, then by their bytes: the same on every store, in what is returned and in what is read."""
    keys = ["b", "a", "", "aa", "é", "B", "10", "9", "😀", "zz"]
    expected = sorted(keys, key=lambda key: (len(key.encode()), key.encode()))
    with store.begin() as tx:
        record = prepare(tx, PROJECTS, tech_stack={key: {"z": 1, "y": 2} for key in keys})
        assert list(tx.projects.insert(record).tech_stack) == expected
        assert list(tx.projects.get(record.id).tech_stack) == expected


def test_json_may_be_deep_but_not_endless(store: Store) -> None:
    """64 levels are stored, 65 are refused, and so is a value that holds itself."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        deep = make(tx, CODE_REVIEWS, project_id=project.id, issues=nested(64))
        assert tx.reviews.get(project.id, deep.id).issues == nested(64)
        cycle: list[Any] = []
        cycle.append(cycle)
        for issues in (nested(65), cycle, nested(500)):
            with invalid("issues"):
                tx.reviews.insert(build(CODE_REVIEWS, project_id=project.id, issues=issues))


def test_a_large_document_is_stored(store: Store) -> None:
    """Some megabytes, and texts that look like JSON, braces or escapes."""
    tricky = ['"', "\\", "\\u0000", "\\ud800", "{", "}", '{"a":1}', "null", "\u2028", "\x7f", "1e5", "-0.0"]
    with store.begin() as tx:
        stack = {"texts": tricky, **{text: text for text in tricky}, "long": ["x" * 1000] * 2000}
        assert read_back(tx, PROJECTS, prepare(tx, PROJECTS, tech_stack=stack)).tech_stack == stack


@pytest.mark.parametrize(
    "logs", [None, [], [""], ["NULL", "null", "{}", '"', "\\", ",", "a,b", " ", "é😀", "a\nb"], ["x"] * 3000]
)
def test_arrays_of_text_come_back_as_tuples(store: Store, logs: list[str] | None) -> None:
    """Through single and bulk calls: no entry is taken for a missing one, a quote or a separator."""
    expected = None if logs is None else tuple(logs)
    with store.begin() as tx:
        one = read_back(tx, DEPLOYMENTS, prepare(tx, DEPLOYMENTS, logs=logs))
        assert one.logs == expected
        bulk = [build(DEPLOYMENTS, project_id=one.project_id, logs=logs) for _ in range(2)]
        tx.deployments.insert_many(bulk)
        changes = [changed(tx.deployments.get(one.project_id, row.id), logs=logs, version="2") for row in bulk]
        updated = tx.deployments.update_many(changes)
        assert [tx.deployments.get(one.project_id, row.id).logs for row in updated] == [expected] * 2


def test_bulk_calls_take_more_values_than_a_statement_has_parameters(store: Store) -> None:
    """5,000 rows of 14 fields are changed and upserted at once."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        tx.files.insert_many(build(FILES, project_id=project.id) for _ in range(5000))
        files = list(tx.files.stream(project.id))
        updated = tx.files.update_many([changed(file, content="x") for file in files])
        assert len(updated) == 5000
        tx.files.upsert([changed(file, content="y") for file in updated])
        assert tx.files.count(project.id, where=field("content").eq("y")) == 5000
