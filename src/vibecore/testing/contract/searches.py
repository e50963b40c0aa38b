"""Searches in files, and the index of contents: `vibecore.repositories.files` and `.content_grams`."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import pytest

from vibecore.domain.content_grams import CONTENT_GRAMS, grams_of
from vibecore.domain.errors import InvalidCursor
from vibecore.domain.files import FILES, File
from vibecore.domain.projects import PROJECTS
from vibecore.domain.searches import MOST_BYTES, Search
from vibecore.repositories.unit_of_work import Store, UnitOfWork
from vibecore.testing.builders import make
from vibecore.testing.contract.expect import invalid
from vibecore.testing.contract.files import NOBODY

PLANTED: Final = {
    "a/needle.py": "nothing here\n",
    "a/plain.py": "x = 'needle'\r\nNEEDLE\n",
    "b/Needle": None,
    "b/straße.md": "Straße und STRASSE",
    "c/kelvin": "\u212a and \ufb01n",
    "c/percent": "100% _under \\back",
    "é": "ſtop",
}
"""Contents by path; None for what has none."""


def planted(tx: UnitOfWork) -> UUID:
    project = make(tx, PROJECTS).id
    for place, (path, text) in enumerate(PLANTED.items()):
        make(
            tx,
            FILES,
            project_id=project,
            path=path,
            name=path.rpartition("/")[2],
            content=text,
            digest=None if text is None else f"d{place}",
        )
    make(tx, FILES, path="elsewhere", name="needle", content="needle")
    return project


def indexed(tx: UnitOfWork, project: UUID) -> None:
    """Every content that is not indexed is, by what it is."""
    for file in tx.files.unindexed(project, limit=100):
        assert file.digest is not None
        assert file.content is not None
        make(tx, CONTENT_GRAMS, project_id=project, digest=file.digest, grams=grams_of(project, file.content))


CASES: Final[list[tuple[Search, list[str]]]] = [
    (Search("needle"), ["a/needle.py", "a/plain.py"]),
    (Search("needle", names=False), ["a/plain.py"]),
    (Search("needle", contents=False), ["a/needle.py"]),
    (Search("needle", contents=False, ignore_case=True), ["a/needle.py", "b/Needle", "b/straße.md", "é"]),
    (Search("NEEDLE", names=False), ["a/plain.py"]),
    (Search("a/need"), ["a/needle.py"]),
    (Search("a/need", names=False), []),
    (Search("needle", folder="a"), ["a/needle.py", "a/plain.py"]),
    (Search("needle", folder="b"), []),
    (Search("ne", names=False), ["a/plain.py"]),
    (Search("%"), ["c/percent"]),
    (Search("_u"), ["c/percent"]),
    (Search("\\b"), ["c/percent"]),
    (Search("nothing like it at all"), []),
    (Search("é"), ["é"]),
]
"""What may match: without regard to case every text with other characters than ASCII may."""


@pytest.mark.parametrize(("search", "paths"), CASES)
def test_a_search_finds_what_may_match(store: Store, search: Search, paths: list[str]) -> None:
    """By path, of this project alone; before contents are indexed and after, and with the index of another text."""
    with store.begin() as tx:
        project = planted(tx)
        assert [file.path for file in tx.files.search(project, search).items] == paths
        indexed(tx, project)
        assert [file.path for file in tx.files.search(project, search).items] == paths
        with tx.batch() as batch:
            found = batch.add(tx.files.search, project, search)
        assert [file.path for file in found.value.items] == paths
        assert tx.files.search(NOBODY, search).items == ()


def test_what_the_index_rules_out_is_not_read(store: Store) -> None:
    """The index is believed: a row that lacks what is asked for hides the content, one that says None does not."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        file = make(tx, FILES, project_id=project, path="a", name="a", content="needle", digest="d")

        def found(text: str = "needle") -> bool:
            return bool(tx.files.search(project, Search(text)).items)

        assert found()
        row = make(tx, CONTENT_GRAMS, project_id=project, digest="d", grams=("other",))
        assert not found()
        assert found("ne")
        make(tx, CONTENT_GRAMS, digest=file.digest, grams=grams_of(project, "needle"))
        assert not found()
        tx.content_grams.delete(project, row.id)
        row = make(tx, CONTENT_GRAMS, project_id=project, digest="d", grams=None)
        assert found()
        tx.content_grams.delete(project, row.id)
        make(tx, CONTENT_GRAMS, project_id=project, digest="d", grams=grams_of(project, "NEEDLE"))
        assert found()


def test_searches_have_pages(store: Store) -> None:
    """Without gap or repetition; a cursor is that of one search in one project."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        for number in range(5):
            make(tx, FILES, project_id=project, path=f"{number}", name=f"{number}", content="x")
        search = Search("x")
        first = tx.files.search(project, search, limit=2)
        second = tx.files.search(project, search, limit=2, cursor=first.next_cursor)
        third = tx.files.search(project, search, limit=2, cursor=second.next_cursor)
        assert [[file.path for file in page.items] for page in (first, second, third)] == [
            ["0", "1"],
            ["2", "3"],
            ["4"],
        ]
        assert third.next_cursor is None
        assert tx.files.search(project, search, limit=0).items == ()
        for other in (Search("xx"), Search("x", ignore_case=True), Search("x", names=False), Search("x", folder="a")):
            with pytest.raises(InvalidCursor):
                tx.files.search(project, other, cursor=first.next_cursor)
        with pytest.raises(InvalidCursor):
            tx.files.search(NOBODY, search, cursor=first.next_cursor)
        wrong: Any = "x"
        with invalid("search"):
            tx.files.search(project, wrong)
        with invalid("limit"):
            tx.files.search(project, search, limit=1001)
        with invalid("path"):
            tx.files.search(project, Search("x", folder="\0"))


def test_a_page_of_large_contents_is_cut_short(store: Store) -> None:
    """Behind the file with which they reach the limit; the cursor goes on from there."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        for number, size in enumerate((MOST_BYTES - 1, 1, 5, MOST_BYTES * 2, 3)):
            make(
                tx,
                FILES,
                project_id=project,
                path=f"{number}",
                name=f"{number}",
                content="x",
                size_bytes=size,
                digest=f"d{number}",
            )
        sizes: list[list[str]] = []
        cursor = None
        while True:
            page = tx.files.search(project, Search("x"), cursor=cursor)
            sizes.append([file.path for file in page.items])
            cursor = page.next_cursor
            if cursor is None:
                break
        assert sizes == [["0", "1"], ["2", "3"], ["4"]]
        assert [file.path for file in tx.files.unindexed(project, limit=9)] == ["0", "1"]


def test_contents_wait_to_be_indexed(store: Store) -> None:
    """One file for each digest that has no row, with content, by digest; of several the one with the least id."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id

        def add(path: str, digest: str | None, content: str | None = "x") -> File:
            return make(tx, FILES, project_id=project, path=path, digest=digest, content=content)

        twins = sorted((add(f"twin{number}", "d2") for number in range(4)), key=lambda file: file.id.int)
        first = add("first", "d1")
        add("binary", "d3", None)
        add("raw", None)
        make(tx, FILES, digest="d4", content="x")
        assert list(tx.files.unindexed(project, limit=9)) == [first, twins[0]]
        assert list(tx.files.unindexed(project, limit=1)) == [first]
        assert list(tx.files.unindexed(project, limit=0)) == []
        make(tx, CONTENT_GRAMS, project_id=project, digest="d1")
        make(tx, CONTENT_GRAMS, digest="d2")
        assert list(tx.files.unindexed(project, limit=9)) == [twins[0]]
        with invalid("limit"):
            tx.files.unindexed(project, limit=-1)


def test_rows_of_contents_that_are_gone_are_purged(store: Store) -> None:
    """Of this project alone; how many."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        make(tx, FILES, project_id=project, path="a", digest="d1")
        make(tx, FILES, path="a", digest="d2")
        kept = make(tx, CONTENT_GRAMS, project_id=project, digest="d1")
        make(tx, CONTENT_GRAMS, project_id=project, digest="d2")
        other = make(tx, CONTENT_GRAMS, digest="d9")
        assert tx.content_grams.purge(project) == 1
        assert tx.content_grams.purge(project) == 0
        assert tx.content_grams.page(project).items == (kept,)
        assert tx.content_grams.get(other.project_id, other.id) == other
