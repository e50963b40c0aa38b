"""Filters: what each condition selects, and that no value in one is ever anything but a value."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from vibecore.domain.audit import AUDIT_LOGS
from vibecore.domain.deployments import DEPLOYMENTS
from vibecore.domain.errors import InvalidValue
from vibecore.domain.files import FILES, FileType
from vibecore.domain.filters import (
    MAX_DEPTH,
    MAX_NODES,
    Among,
    And,
    Compare,
    Comparison,
    Filter,
    Not,
    Occurs,
    Or,
    field,
)
from vibecore.domain.projects import PROJECTS, Project, ProjectStatus
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.domain.schema import Table
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import MOMENT, build, make
from vibecore.testing.contract.expect import each_table, invalid
from vibecore.testing.rows import Rows
from vibecore.testing.wrong import nested, wrong_literals

TEXTS: Final = (
    "",
    " ",
    "a",
    "A",
    "a ",
    "ab",
    "%",
    "_",
    "a_b",
    "\\",
    "\\%",
    "'",
    '"',
    "é",
    "e\u0301",
    "😀",
    "x😀y",
    "*",
    "^a",
    "$1",
    "%s",
)


def projects(tx: UnitOfWork, values: Iterable[dict[str, Any]]) -> list[Project]:
    """One stored project for each set of values, all of one owner."""
    owner = make(tx, USERS)
    return [make(tx, PROJECTS, owner_id=owner.id, **given) for given in values]


def selected(tx: UnitOfWork, where: Filter, name: str) -> set[Any]:
    """The values of `name` in the projects that a filter selects, the same for page, count and stream."""
    rows = tx.projects.page(where=where, limit=1000).items
    assert tx.projects.count(where=where) == len(rows)
    assert tuple(tx.projects.stream(where=where)) == rows
    return {getattr(row, name) for row in rows}


@pytest.mark.parametrize("text", TEXTS)
def test_text_is_compared_and_searched_literally(store: Store, text: str) -> None:
    """Case, accents, forms and spaces count; no character is a pattern, a quote or an end of a quote."""
    with store.begin() as tx:
        projects(tx, ({"repository_url": each} for each in TEXTS))
        url = field("repository_url")
        assert selected(tx, url.eq(text), "repository_url") == {text}
        assert selected(tx, url.ne(text), "repository_url") == set(TEXTS) - {text}
        assert selected(tx, url.among([text]), "repository_url") == {text}
        assert selected(tx, url.contains(text), "repository_url") == {each for each in TEXTS if text in each}
        assert selected(tx, url.starts_with(text), "repository_url") == {t for t in TEXTS if t.startswith(text)}
        assert selected(tx, url.ends_with(text), "repository_url") == {t for t in TEXTS if t.endswith(text)}
        assert selected(tx, url.lt(text), "repository_url") == {each for each in TEXTS if each < text}
        assert selected(tx, url.ge(text), "repository_url") == {each for each in TEXTS if each >= text}


@pytest.mark.parametrize("comparison", Comparison)
def test_comparisons_follow_the_rank_of_the_values(store: Store, comparison: Comparison) -> None:
    """Enums by declaration, numbers exactly, moments as moments, ids by their bytes."""
    signs = {"=": "__eq__", "<>": "__ne__", "<": "__lt__", "<=": "__le__", ">": "__gt__", ">=": "__ge__"}
    statuses = list(ProjectStatus)
    with store.begin() as tx:
        rows = projects(
            tx,
            (
                {
                    "status": status,
                    "file_count": place,
                    "quality_score": Decimal(place) / 4,
                    "created_at": MOMENT + timedelta(microseconds=place),
                    "id": UUID(int=place << 125),
                }
                for place, status in enumerate(statuses)
            ),
        )
        for place, row in enumerate(rows):
            expected = {other for other in range(5) if getattr(other, signs[comparison.value])(place)}
            for name in ("status", "file_count", "quality_score", "created_at", "id"):
                where = Compare(name, comparison, getattr(row, name))
                assert selected(tx, where, "file_count") == expected, name


def test_a_literal_is_compared_exactly(store: Store) -> None:
    """A bound is never rounded to the places of the column, and may lie outside of what can be stored."""
    score = field("quality_score")
    with store.begin() as tx:
        projects(tx, ({"quality_score": Decimal(text)} for text in ("0.00", "0.01", "50.00", "100.00")))
        assert selected(tx, score.lt(Decimal("0.005")), "quality_score") == {Decimal(0)}
        assert selected(tx, score.ge(Decimal("0.0100000001")), "quality_score") == {50, 100}
        assert selected(tx, score.eq(Decimal("50.000")), "quality_score") == {50}
        assert selected(tx, score.eq(50), "quality_score") == {50}
        assert selected(tx, score.gt(Decimal("-1E+30")), "quality_score") == {Decimal(0), Decimal("0.01"), 50, 100}
        assert selected(tx, score.among([Decimal("1E-30"), 100, 1000]), "quality_score") == {100}
        assert selected(tx, field("file_count").gt(-(2**31)), "file_count") == {0}


def test_moments_are_compared_in_any_zone(store: Store) -> None:
    """The same moment in another time zone is the same literal."""
    moment = datetime(2024, 5, 1, 12, 0, 0, 1, tzinfo=UTC)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-3, minutes=-30)))
    with store.begin() as tx:
        projects(tx, [{"created_at": moment}])
        assert selected(tx, field("created_at").eq(elsewhere), "created_at") == {moment}
        assert selected(tx, field("created_at").lt(elsewhere), "created_at") == set()
        assert selected(tx, field("created_at").among([elsewhere]), "created_at") == {moment}


def test_logic_is_three_valued(store: Store) -> None:
    """A comparison with a missing value is unknown, its negation too; only what is true is selected."""
    url = field("repository_url")
    unknown, true, false = url.eq("x"), field("name").ne("-"), field("name").eq("-")
    with store.begin() as tx:
        projects(tx, [{"repository_url": None, "name": "n"}])
        expected: list[tuple[Filter, bool]] = [
            (unknown, False),
            (~unknown, False),
            (url.ne("x"), False),
            (url.among(["x"]), False),
            (~url.among(["x"]), False),
            (url.among([]), False),
            (~url.among([]), True),
            (~(url.among([]) | field("name").among([])), True),
            (~url.contains(""), False),
            (unknown | true, True),
            (~(unknown & false), True),
            (unknown & true, False),
            (~(unknown & true), False),
            (unknown | false, False),
            (~(unknown | false), False),
            (url.missing(), True),
            (~url.missing(), False),
            (true & ~false, True),
        ]
        for where, holds in expected:
            assert selected(tx, where, "name") == ({"n"} if holds else set()), where


def test_empty_combinations_are_the_neutral_ones(store: Store) -> None:
    """And of nothing is true, Or of nothing is false, among nothing is false of everything."""
    with store.begin() as tx:
        projects(tx, [{"name": "n"}])
        assert selected(tx, And(()), "name") == {"n"}
        assert selected(tx, Or(()), "name") == set()
        assert selected(tx, Not(And(())), "name") == set()
        assert selected(tx, Not(Or(())), "name") == {"n"}
        assert selected(tx, field("name").among([]), "name") == set()
        assert selected(tx, ~field("name").among([]), "name") == {"n"}


def test_among_takes_many_values(store: Store) -> None:
    """100,000, more than a statement has parameters; more are InvalidValue."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        ids = [uuid4() for _ in range(99_999)]
        assert tx.projects.count(where=field("id").among([*ids, project.id])) == 1
        with invalid("id"):
            tx.projects.count(where=field("id").among([*ids, project.id, project.id]))


def test_choices_are_searched_as_text(store: Store) -> None:
    """A field of few values has an order and can be searched by parts of its label."""
    with store.begin() as tx:
        file = make(tx, FILES, type=FileType.FILE)
        folder = make(tx, FILES, project_id=file.project_id, type=FileType.FOLDER)
        page = tx.files.page
        assert page(file.project_id, where=field("type").contains("old")).items == (folder,)
        assert page(file.project_id, where=field("type").starts_with("fi")).items == (file,)
        assert page(file.project_id, where=field("type").gt(FileType.FILE)).items == (folder,)


DOCUMENTS: Final[tuple[Any, ...]] = (
    {},
    {"a": 1},
    {"a": 1.0},
    {"a": True},
    {"a": None},
    {"a": "1"},
    {"a": [1, 2]},
    {"a": [2, 1, 1]},
    {"a": {"b": 1}},
    {"a": 1, "b": 2},
    {"a": [[1]]},
    {"a": [{"b": [1, 2]}]},
    {"": 0},
    {"a": 1e16},
    {"a": []},
    {"a": {}},
)
SELECTED: Final[tuple[tuple[Any, tuple[int, ...]], ...]] = (
    ({}, tuple(range(16))),
    ({"a": 1}, (1, 2, 9)),
    ({"a": 1.0}, (1, 2, 9)),
    ({"a": True}, (3,)),
    ({"a": False}, ()),
    ({"a": None}, (4,)),
    ({"a": "1"}, (5,)),
    ({"a": [1]}, (6, 7)),
    ({"a": [1, 1, 2]}, (6, 7)),
    ({"a": []}, (6, 7, 10, 11, 14)),
    ({"a": {}}, (8, 15)),
    ({"a": {"b": 1.0}}, (8,)),
    ({"a": [[]]}, (10,)),
    ({"a": [[1.0]]}, (10,)),
    ({"a": [{"b": [2]}]}, (11,)),
    ({"a": [{}]}, (11,)),
    ({"": 0.0}, (12,)),
    ({"a": 10**16}, (13,)),
    ([], ()),
    (1, ()),
    (None, ()),
    ("a", ()),
)


@pytest.mark.parametrize(("part", "places"), SELECTED, ids=lambda value: repr(value)[:30])
def test_json_containment_is_that_of_jsonb(store: Store, part: Any, places: tuple[int, ...]) -> None:
    """Objects by key, arrays as sets, 1 equals 1.0, a boolean equals only itself, nothing is unwrapped inside."""
    with store.begin() as tx:
        projects(tx, ({"tech_stack": doc, "file_count": place} for place, doc in enumerate(DOCUMENTS)))
        assert selected(tx, field("tech_stack").includes(part), "file_count") == set(places)
        rest = set(range(len(DOCUMENTS))) - set(places)
        assert selected(tx, ~field("tech_stack").includes(part), "file_count") == rest


def test_a_scalar_is_contained_in_an_array_at_the_root(store: Store) -> None:
    """The one exception of JSONB: at the root an array contains a scalar that is one of its entries."""
    arrays: list[list[Any]] = [[], [1], ["a", "b"], [[1]], [None], [True], [{"a": 1}], [1.0, "a"]]
    with store.begin() as tx:
        review = make(tx, CODE_REVIEWS, issues=arrays[0], score=0)
        for place, issues in enumerate(arrays[1:], start=1):
            make(tx, CODE_REVIEWS, project_id=review.project_id, issues=issues, score=place)

        def found(part: Any) -> set[int]:
            where = field("issues").includes(part)
            return {row.score for row in tx.reviews.page(review.project_id, where=where).items}

        assert found(1) == {1, 7}
        assert found("a") == {2, 7}
        assert found(None) == {4}
        assert found(True) == {5}
        assert found([1]) == {1, 7}
        assert found(["b", "a", "a"]) == {2}
        assert found([[1]]) == {3}
        assert found({"a": 1}) == set()
        assert found([{"a": 1.0}]) == {6}
        assert found([]) == set(range(8))


def test_json_equality_is_that_of_json(store: Store) -> None:
    """The order of keys does not count, that of entries does; 1 equals 1.0, true does not equal 1."""
    documents: list[Any] = [{"a": 1, "b": [1, 2]}, {"b": [2, 1], "a": 1}, {"a": True, "b": [1, 2]}]
    with store.begin() as tx:
        projects(tx, ({"tech_stack": doc, "file_count": place} for place, doc in enumerate(documents)))
        stack = field("tech_stack")
        assert selected(tx, stack.eq({"b": [1.0, 2], "a": 1.0}), "file_count") == {0}
        assert selected(tx, stack.ne({"b": [1.0, 2], "a": 1.0}), "file_count") == {1, 2}
        assert selected(tx, stack.among([documents[1], {"a": True, "b": [1, 2]}]), "file_count") == {1, 2}


@each_table
def test_every_field_refuses_wrong_literals(store: Store, table: Table[Any]) -> None:
    """Literals are checked like values: InvalidValue names the field, and the unit of work goes on."""
    with store.begin() as tx:
        rows, like = Rows(tx, table), build(table)
        for column in table.columns:
            if type(column.rule).__name__ == "TextArray":
                with invalid(column.name):
                    rows.count(like, where=field(column.name).eq(()))
                continue
            for value in wrong_literals(column):
                for where in (field(column.name).eq(value), field(column.name).among([value])):
                    with invalid(column.name):
                        rows.count(like, where=~where)
        assert rows.count(like) == 0


@each_table
def test_fields_refuse_conditions_that_do_not_suit_them(store: Store, table: Table[Any]) -> None:
    """Search in what is no text, containment in what is no JSON, an order where there is none: InvalidValue."""
    with store.begin() as tx:
        rows, like = Rows(tx, table), build(table)
        for column in table.columns:
            kind, name = type(column.rule).__name__, column.name
            if kind not in ("Text", "Choice"):
                with invalid(name):
                    rows.count(like, where=field(name).contains("a"))
            if kind != "Json":
                with invalid(name):
                    rows.page(like, where=field(name).includes({}))
            if kind == "Json":
                with invalid(name):
                    rows.stream(like, where=field(name).lt(column.default))
        assert rows.count(like) == 0


@pytest.mark.parametrize("text", ["\0", "a\0", "\ud800", 1, None, b"a", ["a"], "x" * 10_001])
def test_search_refuses_what_no_text_can_hold(store: Store, text: Any) -> None:
    """NUL, lone surrogates, other types and endless patterns: InvalidValue names the field."""
    with store.begin() as tx:
        for where in (field("name").contains(text), field("name").starts_with(text), field("name").ends_with(text)):
            with invalid("name"):
                tx.projects.count(where=where)
        assert tx.projects.count() == 0


@pytest.mark.parametrize(
    "part", [float("nan"), "\0", {"a": "\ud800"}, {1: 2}, b"x", {"a": 2**63}, nested(65), object()]
)
def test_containment_refuses_what_is_no_json(store: Store, part: Any) -> None:
    """The rules of stored JSON hold for what is looked for."""
    with store.begin() as tx:
        with invalid("tech_stack"):
            tx.projects.count(where=field("tech_stack").includes(part))
        assert tx.projects.count() == 0


@pytest.mark.parametrize(
    "name", ["nothing", "", "id; --", "users.id", "\0", "\ud800", "ID", None, 1, b"id", "x" * 10_000]
)
def test_unknown_fields_are_refused(store: Store, name: Any) -> None:
    """A name is looked up, never sent: InvalidValue for `field`."""
    with store.begin() as tx:
        for where in (field(name).eq(1), field(name).missing(), ~field(name).contains("a") & field("id").missing()):
            with invalid("field"):
                tx.projects.count(where=where)
        assert tx.projects.count() == 0


def test_filters_have_a_size(store: Store) -> None:
    """Too deep and too many parts are InvalidValue; the largest that are allowed work."""
    one = field("name").ne("-")
    deep: Filter = one
    for _ in range(MAX_DEPTH):
        deep = ~deep
    with store.begin() as tx:
        projects(tx, [{"name": "n"}])
        assert tx.projects.count(where=deep) == 1
        assert tx.projects.count(where=And((one,) * (MAX_NODES - 1))) == 1
        for where in (~deep, And((one,) * MAX_NODES)):
            with invalid("where"):
                tx.projects.count(where=where)


@pytest.mark.parametrize("where", ["name = 'x'", 1, {"name": "x"}, field("name"), [field("name").eq("x")], True])
def test_what_is_no_filter_is_refused(store: Store, where: Any) -> None:
    """Text is never taken for a condition: InvalidValue for `where`."""
    with store.begin() as tx:
        for call in (lambda: tx.projects.count(where=where), lambda: tx.projects.page(where=And((where,)))):
            with invalid("where"):
                call()
        assert tx.projects.count() == 0


BY_HAND: Final[list[tuple[Any, tuple[Any, ...]]]] = [
    *((Compare, ("name", comparison, "x")) for comparison in ("LIKE", "= 1 OR 1 =", "=", None, 1)),
    *((Occurs, ("name", place, "x")) for place in ("anywhere", "", None)),
    *((Among, ("name", values)) for values in (["x"], "x", None, 1)),
    *((And, (parts,)) for parts in (field("name").missing(), None, "x", ["x"])),
    *((Or, (parts,)) for parts in (field("name").missing(), None, "x", ["x"])),
    (Not, ("x",)),
]


@pytest.mark.parametrize(("kind", "parts"), BY_HAND, ids=lambda value: repr(value)[:40])
def test_nodes_that_were_built_by_hand_are_checked(store: Store, kind: Any, parts: tuple[Any, ...]) -> None:
    """An operator, a place or a list that is none is InvalidValue, never a piece of a statement."""
    with store.begin() as tx:
        with pytest.raises(InvalidValue) as caught:
            tx.projects.count(where=kind(*parts))
        assert caught.value.field in ("name", "where")
        assert tx.projects.count() == 0


def test_what_is_missing_is_selected_by_missing_alone(store: Store) -> None:
    """Every nullable field can be asked for; in fields of any kind None as a literal is InvalidValue."""
    with store.begin() as tx:
        tables: tuple[Table[Any], ...] = (DEPLOYMENTS, AUDIT_LOGS, FILES)
        for table in tables:
            rows = Rows(tx, table)
            like = make(tx, table)
            for column in table.columns:
                present = getattr(like, column.name) is not None
                assert rows.count(like, where=field(column.name).missing()) == (0 if present else 1)
                assert rows.count(like, where=~field(column.name).missing()) == (1 if present else 0)
