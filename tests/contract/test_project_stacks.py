"""A project's technologies as its files tell them: what is named, what is kept, and that no file can break it."""

from __future__ import annotations

import time
from typing import Any, Final

import pytest

from tests.contract.project_site import Site, id_of
from vibecore.domain.errors import NotFound, PermissionDenied, ReadOnlyProject
from vibecore.domain.permissions import Action
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Store
from vibecore.services.manifests import MANIFESTS, Unreadable, technologies
from vibecore.services.stacks import MAX_MANIFEST_BYTES, MAX_MANIFESTS, DerivedStack
from vibecore.testing.effects import FixedClock

PYPROJECT: Final = """
[project]
name = "x"
dependencies = ["FastAPI>=0.1", "sql_alchemy", "SQLAlchemy[asyncio]; python_version > '3'", "unknown-thing"]
[project.optional-dependencies]
store = ["psycopg[binary]==3"]
[dependency-groups]
dev = ["pytest", {include-group = "other"}]
[tool.poetry.dependencies]
python = "^3.11"
redis = {version = "5"}
[tool.poetry.group.dev.dependencies]
Hypothesis = "*"
"""
PACKAGE: Final = '{"dependencies": {"react": "19", "left-pad": "1"}, "devDependencies": {"vite": "*", "pg": "8"}}'
GO_MOD: Final = """module example.org/x

go 1.22

require github.com/jackc/pgx/v5 v5.5.0
require (
\tgithub.com/gin-gonic/gin v1.9.1 // a comment
\tgithub.com/stretchr/testify v1.8.0
)
"""
CARGO: Final = """
[dependencies]
tokio = { version = "1", features = ["full"] }
[target.'cfg(unix)'.dependencies]
axum = "0.7"
[workspace.dependencies]
serde = "1"
"""
TREE: Final = {
    "app/main.py": "import os\n" * 60,
    "web/app.ts": "let a = 1;\n" * 39,
    "web/tiny.rb": "puts 1\n",
    "README.md": "# words\n" * 500,
    "data.json": "[]\n" * 500,
    "pyproject.toml": PYPROJECT,
    "web/package.json": PACKAGE,
    "Dockerfile": "FROM python\n",
    "deploy/main.tf": 'resource "x" "y" {}\n' * 2,
    ".github/workflows/ci.yml": "on: push\n",
    "web/node_modules/vue/package.json": '{"dependencies": {"vue": "3"}}',
}


@pytest.fixture
def site(store: Store, clock: FixedClock) -> Site:
    return Site(store, clock)


def filled(site: Site, tree: dict[str, str]) -> Site:
    for path, content in tree.items():
        site.vibe.files.write(site.ada, site.id, path, content)
    return site


def derive(site: Site, **options: Any) -> DerivedStack:
    return site.vibe.projects.derive_tech_stack(site.ada, site.id, **options)


def test_languages_frameworks_and_infrastructure_are_told(site: Site) -> None:
    """Languages by lines, the most first, without data and prose and without what is below one per cent."""
    found = derive(filled(site, TREE))
    assert found.tech_stack == {
        "languages": ["Python", "TypeScript", "HCL"],
        "frameworks": ["FastAPI", "Hypothesis", "React", "SQLAlchemy", "Vite", "pytest"],
        "infrastructure": ["Docker", "GitHub Actions", "PostgreSQL", "Redis", "Terraform"],
    }
    assert [(each.language, each.lines) for each in found.languages] == [("Python", 60), ("TypeScript", 39), ("HCL", 2)]
    assert found.sources["web/package.json"] == ("PostgreSQL", "React", "Vite")
    assert set(found.sources) == {"pyproject.toml", "web/package.json"}
    assert (found.unread, found.left_out, found.applied) == ((), 0, False)


def test_a_proposal_writes_nothing(site: Site) -> None:
    """Nor does it need the right to."""
    filled(site, TREE)
    before, told = site.project(), len(site.trail())
    site.vibe.projects.add_member(site.ada, site.id, id_of(site.bob), role=UserRole.VIEWER)
    assert site.vibe.projects.derive_tech_stack(site.bob, site.id).tech_stack["languages"]
    assert (site.project(), len(site.trail())) == (before, told + 1)


def test_applied_it_replaces_what_is_derived_and_keeps_the_rest(site: Site) -> None:
    """With one event that tells both; a second time nothing differs, and nothing is written."""
    old = {"languages": ["COBOL"], "frameworks": ["Struts"], "team": ["blue"]}
    site.vibe.projects.update(site.ada, site.id, tech_stack=old)
    filled(site, {"main.go": "package main\n" * 10, "go.mod": GO_MOD})
    found = derive(site, apply=True)
    assert found.applied is True
    assert found.tech_stack == site.project().tech_stack
    assert found.tech_stack == {
        "team": ["blue"],
        "languages": ["Go"],
        "frameworks": ["Gin", "Testify"],
        "infrastructure": ["PostgreSQL"],
    }
    event = site.trail()[-1]
    assert (event.action, event.details["changes"]) == ("project.updated", {"tech_stack": [old, found.tech_stack]})
    version = site.project().updated_at
    assert derive(site, apply=True) == found
    assert (site.project().updated_at, site.trail()[-1].id) == (version, event.id)


def test_without_files_there_is_nothing_to_tell(site: Site) -> None:
    """What was derived before goes, what somebody wrote stays."""
    site.vibe.projects.update(site.ada, site.id, tech_stack={"languages": ["COBOL"], "team": ["blue"]})
    assert derive(site).tech_stack == {"team": ["blue"]}


def test_rights_and_archive(site: Site) -> None:
    """Reading files suffices for a proposal; to apply it takes the right to change the project."""
    projects = site.vibe.projects
    projects.add_member(site.ada, site.id, id_of(site.bob))
    assert projects.derive_tech_stack(site.bob, site.id).applied is False
    with pytest.raises(PermissionDenied):
        projects.derive_tech_stack(site.bob, site.id, apply=True)
    with pytest.raises(NotFound):
        projects.derive_tech_stack(site.cy, site.id)
    key = site.vibe.api_keys.create(site.ada, name="k", permissions=[Action.PROJECT_UPDATE]).key
    for apply in (False, True):
        with pytest.raises(PermissionDenied):
            projects.derive_tech_stack(site.vibe.api_keys.authenticate(key), site.id, apply=apply)
    projects.archive(site.ada, site.id)
    assert derive(site).tech_stack == {}
    with pytest.raises(ReadOnlyProject):
        derive(site, apply=True)


def test_what_is_too_large_or_too_many_is_counted(site: Site) -> None:
    """The first by path are read, and a manifest of a megabyte is none."""
    with site.vibe.transaction() as tx:
        for number in range(MAX_MANIFESTS + 3):
            tx.files.write(site.ada, site.id, f"p{number:03}/requirements.txt", "flask\n")
        tx.files.write(site.ada, site.id, "big/package.json", '{"a": "' + "x" * MAX_MANIFEST_BYTES + '"}')
    found = derive(site)
    assert (found.left_out, len(found.sources), found.tech_stack["frameworks"]) == (4, MAX_MANIFESTS, ["Flask"])


HOSTILE: Final = {
    "not the format": "<<<>>>\n= [",
    "empty": "",
    "deep objects": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "deep arrays": "[" * 60_000,
    "deep toml": "a = " + "[" * 60_000 + "]" * 60_000,
    "dotted a little, often": "".join(f"{'.'.join('a' * 200)}.b{number} = 1\n" for number in range(320)),
    "dotted": ".".join("a" * 60_000) + " = 1",
    "long header": "[" + ".".join("a" * 60_000) + "]",
    "many headers": "".join(f"[a.b{number}]\n" for number in range(9_000)),
    "huge number": '{"dependencies": ' + "9" * 100_000 + "}",
    "twice": '{"dependencies": {"react": 1}, "dependencies": {"react": 2}}',
    "blank lines": "\n" * 128_000,
    "blanks": " " * 128_000 + "x",
    "words": "a " * 60_000,
    "wrong types": '{"dependencies": [1, {"react": 1}], "devDependencies": "react", "peerDependencies": null}',
    "toml types": "[project]\ndependencies = 'flask'\n[project.optional-dependencies]\na = [1, {b = 2}]\n",
    "a list": "[1, 2]",
    "a scalar": "1",
    "lone surrogate": '{"dependencies": {"\\ud800": "1"}}',
    "constructor": '{"__proto__": {"react": "1"}, "constructor": {}}',
    "nan": '{"dependencies": NaN}',
}


@pytest.mark.parametrize("name", sorted(MANIFESTS))
@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_no_manifest_breaks_the_reading_of_it(name: str, content: str) -> None:
    """It is read or refused, within seconds, and what it gives is a name of the fixed list."""
    begun = time.process_time()
    try:
        found = technologies(name, content[:MAX_MANIFEST_BYTES])
    except Unreadable as error:
        assert error.reason in ("is nested too deeply", "does not have the form of its name")
    else:
        assert found <= set(MANIFESTS[name][0].values())
    assert time.process_time() - begun < 5


def test_a_broken_manifest_is_named_and_the_others_are_read(site: Site) -> None:
    """Without its words, which may be anything."""
    filled(site, {"a/package.json": '{"secret', "b/package.json": PACKAGE, "c/Cargo.toml": CARGO})
    site.vibe.files.write(site.ada, site.id, "d/go.mod", b"\xff\x00")
    found = derive(site)
    assert [(each.path, each.reason) for each in found.unread] == [
        ("a/package.json", "does not have the form of its name"),
        ("d/go.mod", "is no text"),
    ]
    assert found.tech_stack["frameworks"] == ["React", "Serde", "Tokio", "Vite", "axum"]
