"""Reviews: `vibecore.repositories.reviews`."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any, Final
from uuid import UUID

from vibecore.domain.projects import PROJECTS
from vibecore.domain.reviews import CODE_REVIEWS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import MOMENT, changed, make
from vibecore.testing.contract.expect import invalid
from vibecore.testing.contract.files import TREE
from vibecore.testing.effects import FixedClock

DAY: Final = timedelta(days=1)
TICK: Final = timedelta(microseconds=1)
NOBODY: Final = UUID(int=404)


def test_the_latest_review_of_each_file_and_reviewer(store: Store) -> None:
    """By (created_at, id), ordered by path, then reviewer."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        newest = []
        for path, reviewer in product(("b", "a", "é", "A"), ("x", "X")):
            for age, number in ((2, 9), (0, 1), (0, 2), (1, 8)):
                low = UUID(int=hash((path, reviewer, number)) % 2**64 << 32 | number)
                review = make(
                    tx,
                    CODE_REVIEWS,
                    id=low,
                    project_id=project,
                    file_path=path,
                    reviewer=reviewer,
                    created_at=MOMENT - DAY * age,
                )
                newest.append(review)
        expected: dict[tuple[str, str], Any] = {}
        for review in sorted(newest, key=lambda review: (review.created_at, review.id)):
            expected[review.file_path, review.reviewer] = review
        make(tx, CODE_REVIEWS)
        assert list(tx.reviews.latest(project)) == [expected[key] for key in sorted(expected)]
        assert list(tx.reviews.latest(NOBODY)) == []


def test_reviews_of_paths_are_removed(store: Store) -> None:
    """All of exactly these paths in this project; the number is returned."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        for path in ("a", "a", "a/b", "b", "c"):
            make(tx, CODE_REVIEWS, project_id=project, file_path=path)
        other = make(tx, CODE_REVIEWS, file_path="a")
        assert tx.reviews.delete_paths(project, ["a", "c", "nothing", "a"]) == 3
        assert sorted(review.file_path for review in tx.reviews.page(project).items) == ["a/b", "b"]
        assert tx.reviews.delete_paths(project, []) == 0
        assert tx.reviews.get(other.project_id, other.id) == other
        for wrong in ("a", None, [1], ["\0"]):
            with invalid("file_path"):
                tx.reviews.delete_paths(project, wrong)  # type: ignore[arg-type]  # what callers without a checker do


def test_reviews_follow_a_move(store: Store, clock: FixedClock) -> None:
    """Those of the source and of all below it; the number is returned, the rows are newer."""
    with store.begin() as tx:
        project = make(tx, PROJECTS).id
        reviews = {path: make(tx, CODE_REVIEWS, project_id=project, file_path=path) for path in TREE}
        ahead = make(tx, CODE_REVIEWS, project_id=project, file_path="a/b", updated_at=clock() + DAY)
        moved = [path for path in TREE if path == "a" or path.startswith("a/")]
        assert tx.reviews.move_paths(project, "a", "z/y") == len(moved) + 1
        for path, review in reviews.items():
            expected = changed(review, file_path="z/y" + path[1:], updated_at=clock()) if path in moved else review
            assert tx.reviews.get(project, review.id) == expected
        found = tx.reviews.get(project, ahead.id)
        assert (found.file_path, found.updated_at) == ("z/y/b", ahead.updated_at + TICK)
        assert tx.reviews.move_paths(project, "nothing", "x") == 0
        assert tx.reviews.move_paths(NOBODY, "b", "x") == 0


def test_reviews_do_not_follow_a_move_that_is_too_long(store: Store) -> None:
    """InvalidValue for the path; nothing is moved, and the unit of work goes on."""
    with store.begin() as tx:
        review = make(tx, CODE_REVIEWS, file_path="a/" + "x" * 990)
        for target in ("y" * 10, "", "\0", 1):
            with invalid("file_path"):
                tx.reviews.move_paths(review.project_id, "a", target)  # type: ignore[arg-type]  # also wrong ones
        assert tx.reviews.get(review.project_id, review.id) == review
