"""Finding projects: words in name and description, typed filters over every column, and only what one may read."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

from tests.contract.project_site import Site, id_of
from vibecore.domain.actors import Actor
from vibecore.domain.errors import InvalidCursor, InvalidValue, PermissionDenied
from vibecore.domain.filters import Filter, checked, field, predicate
from vibecore.domain.json import JsonObject
from vibecore.domain.paging import desc
from vibecore.domain.projects import PROJECTS, Project, ProjectStatus, Visibility
from vibecore.repositories.unit_of_work import Mode, Store
from vibecore.testing.effects import FixedClock
from vibecore.testing.strategies import filters

TEXTS: Final = (
    ("engine mill", None),
    ("Engine", "the mill and the store"),
    ("100%", "a_b"),
    ("100 percent", "aXb"),
    ("back\\slash", "'; DROP TABLE projects; --"),
    ("émile", "naïve"),
    ("e\u0301mile", "decomposed"),
)


@pytest.fixture
def site(store: Store, clock: FixedClock) -> Site:
    found = Site(store, clock)
    for name, description in TEXTS:
        found.vibe.projects.create(found.ada, name=name, description=description)
    return found


def names(site: Site, text: str, actor: Actor | None = None, **options: Any) -> list[str]:
    page = site.vibe.projects.search(site.ada if actor is None else actor, text, **options)
    return [project.name for project in page.items]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("engine", ["engine", "engine mill"]),
        ("Engine", ["Engine"]),
        ("mill", ["Engine", "engine mill"]),
        ("  mill \t engine ", ["engine mill"]),
        ("gin", ["Engine", "engine", "engine mill"]),
        ("%", ["100%"]),
        ("_", ["100%"]),
        ("a_b", ["100%"]),
        ("\\", ["back\\slash"]),
        ("'; DROP", ["back\\slash"]),
        ("émile", ["émile"]),
        ("nowhere", []),
    ],
)
def test_every_word_is_found_as_it_stands(site: Site, text: str, found: list[str]) -> None:
    """In the name or the description, each word for itself; no character is a wildcard; by name in code point order."""
    assert names(site, text) == found


@pytest.mark.parametrize("text", ["", " ", "\n\t", "w " * 21, "x" * 1001, "a\0", "\ud800", None, 7, b"engine"])
def test_what_is_no_search_is_refused_by_name(site: Site, text: Any) -> None:
    """The same on both backends, before the store is asked."""
    with pytest.raises(InvalidValue) as caught:
        site.vibe.projects.search(site.ada, text)
    assert caught.value.field == "text"


def test_only_what_one_may_read_is_found(site: Site) -> None:
    """Nobody's search tells that a private project exists; administrators see everything where they say so."""
    projects = site.vibe.projects
    projects.create(site.bob, name="engine of bob")
    shared = projects.create(site.bob, name="engine for all", visibility=Visibility.PUBLIC)
    projects.add_member(site.bob, shared.id, id_of(site.cy))
    projects.create(site.bob, name="engine of the team", visibility=Visibility.TEAM)
    assert names(site, "engine of") == []
    assert names(site, "engine", Actor.anonymous()) == ["engine for all"]
    assert names(site, "engine", site.cy) == ["engine for all", "engine of the team"]
    assert names(site, "engine", site.bob) == ["engine for all", "engine of bob", "engine of the team"]
    assert names(site, "engine", site.root) == ["engine for all"]
    assert names(site, "engine of bob", site.root, everything=True) == ["engine of bob"]
    with pytest.raises(PermissionDenied):
        names(site, "engine", everything=True)


def test_a_search_is_narrowed_ordered_and_paged(site: Site) -> None:
    """As a page is; its cursor belongs to its words."""
    where = field("description").missing()
    assert names(site, "engine", where=where) == ["engine", "engine mill"]
    assert names(site, "engine", order_by=desc("name")) == ["engine mill", "engine"]
    first = site.vibe.projects.search(site.ada, "engine", limit=1)
    assert [project.name for project in first.items] == ["engine"]
    assert names(site, "engine", limit=1, cursor=first.next_cursor) == ["engine mill"]
    with pytest.raises(InvalidCursor):
        names(site, "mill", limit=1, cursor=first.next_cursor)


def test_every_column_of_a_project_is_filtered_by_its_type(site: Site) -> None:
    """Each that holds a value is found by it and by its order, and by being there; none by being absent."""
    with site.store.begin() as tx:
        full = dataclasses.replace(
            tx.projects.get(site.id),
            description="text",
            visibility=Visibility.TEAM,
            status=ProjectStatus.ARCHIVED,
            tech_stack=JsonObject({"backend": ["Python", "PostgreSQL"]}),
            architecture=JsonObject({"layers": 3}),
            repository_url="https://example.org/x.git",
            deployed_url="https://example.org",
            current_version="1.0",
            quality_score=Decimal("87.50"),
            file_count=3,
            total_lines=4000,
            archived_from=ProjectStatus.REVIEW,
        )
        full = tx.projects.update(full)
        tx.commit()
    for column in PROJECTS.columns:
        value = getattr(full, column.name)
        here = field(column.name)
        assert site.id in ids(site, here.eq(value)), column.name
        assert site.id in ids(site, here.among([value])), column.name
        assert site.id not in ids(site, here.ne(value)), column.name
        assert site.id not in ids(site, here.missing()), column.name
        if column.rule.ordered:
            assert site.id in ids(site, here.le(value) & here.ge(value)), column.name
            assert site.id not in ids(site, here.lt(value) | here.gt(value)), column.name
        else:
            with pytest.raises(InvalidValue):
                ids(site, here.lt(value))
    assert ids(site, field("tech_stack").includes({"backend": ["PostgreSQL"]})) == {site.id}
    assert ids(site, field("tech_stack").includes({"backend": ["PostgreSQL", "PostgreSQL"]})) == {site.id}
    assert ids(site, field("tech_stack").includes({"backend": []})) == {site.id}
    assert ids(site, field("tech_stack").includes({"backend": "Python"})) == set()
    assert ids(site, field("tech_stack").includes({"backend": [["Python"]]})) == set()


def ids(site: Site, where: Filter) -> set[Any]:
    return {project.id for project in site.vibe.projects.page(site.ada, where=where, limit=1000).items}


@settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None
)
@given(where=filters(PROJECTS))
def test_any_filter_selects_what_its_python_twin_selects(site: Site, where: Filter) -> None:
    """Of one's own projects, those for which the filter is true: not false, and not unknown."""
    with site.store.begin(Mode.SNAPSHOT) as tx:
        every: list[Project] = list(tx.projects.stream())
    wanted = checked(PROJECTS, where)
    assert wanted is not None
    is_true = predicate(PROJECTS, wanted)
    assert ids(site, where) == {project.id for project in every if is_true(project) is True}
