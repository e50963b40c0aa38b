"""The calls that only one table has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.memory import world
from tests.memory.conftest import Seeded
from vibecore.domain.access import ProjectAccess
from vibecore.domain.api_keys import ApiKey
from vibecore.domain.deployments import DeploymentStatus
from vibecore.domain.errors import AlreadyExists, InvalidValue, MissingReference
from vibecore.domain.files import FileType
from vibecore.domain.projects import Visibility
from vibecore.domain.quality import QualityInputs
from vibecore.domain.sessions import Session
from vibecore.domain.totals import FileTotals
from vibecore.domain.users import UserRole
from vibecore.repositories.unit_of_work import Mode


def test_sessions_and_keys_come_with_their_user(seeded: Seeded) -> None:
    session = Session(
        id=world.new_id(),
        user_id=seeded.ada.id,
        token="t" * 64,
        expires_at=world.START,
        idle_expires_at=world.START,
        authenticated_at=world.START,
        created_at=world.START,
        updated_at=world.START,
    )
    key = ApiKey(
        id=world.new_id(),
        user_id=seeded.ada.id,
        name="ci",
        key_hash="h",
        key_prefix="vc_1",
        created_at=world.START,
        updated_at=world.START,
    )
    with seeded.store.begin() as unit:
        unit.sessions.insert(session)
        unit.api_keys.insert(key)
        assert unit.sessions.find_by_token(seeded.ada.id, session.token) == (session, seeded.ada)
        assert unit.api_keys.find_by_prefix(seeded.ada.id, "vc_1") == (key, seeded.ada)
        assert unit.sessions.find_by_token(seeded.ada.id, "other") is None
        assert unit.api_keys.find_by_prefix(world.new_id(), "vc_1") is None
        with pytest.raises(InvalidValue):
            unit.sessions.find_by_token(seeded.ada.id, "nul \0")


def test_access_tells_role_and_team(seeded: Seeded) -> None:
    grace, joan = world.user(), world.user()
    team = world.project(seeded.ada, visibility=Visibility.TEAM)
    world.committed(seeded.store, grace, joan, team, world.member(seeded.engine, grace, role=UserRole.VIEWER))
    with seeded.store.begin(Mode.READ) as unit:

        def access(of: Any, who: Any) -> tuple[UserRole | None, bool]:
            found = unit.projects.access(of.id, None if who is None else who.id)
            assert found is not None
            assert found.project == of
            return found.member_role, found.teammate

        assert access(seeded.engine, grace) == (UserRole.VIEWER, False)
        assert access(team, grace) == (None, True)
        assert access(team, joan) == access(team, None) == access(team, seeded.ada) == (None, False)
        assert unit.projects.access(world.new_id(), grace.id) is None
        assert isinstance(unit.projects.access(team.id, None), ProjectAccess)


def test_readable_projects_are_paged_for_one_reader(seeded: Seeded) -> None:
    grace, joan = world.user(), world.user()
    private, team, public = (world.project(seeded.ada, visibility=visibility) for visibility in Visibility)
    own = world.project(grace)
    world.committed(seeded.store, grace, joan, private, team, public, own, world.member(seeded.engine, grace))
    with seeded.store.begin(Mode.SNAPSHOT) as unit:

        def readable(who: Any) -> set[object]:
            page = unit.projects.page_readable(None if who is None else who.id)
            return {project.id for project in page.items}

        assert readable(grace) == {seeded.engine.id, team.id, public.id, own.id}
        assert readable(joan) == readable(None) == {public.id}
        assert readable(seeded.ada) == {seeded.engine.id, private.id, team.id, public.id}
        page = unit.projects.page_readable(grace.id, limit=1)
        rest = unit.projects.page_readable(grace.id, limit=9, cursor=page.next_cursor)
        assert len(page.items + rest.items) == 4
        with pytest.raises(InvalidValue):
            unit.projects.page_readable(joan.id, limit=1, cursor=page.next_cursor)


def test_stamps_totals_and_subtrees(seeded: Seeded) -> None:
    rows = [
        world.file(seeded.engine, "src", type=FileType.FOLDER, line_count=9),
        world.file(seeded.engine, "src/b.py", line_count=2),
        world.file(seeded.engine, "src/a.py", line_count=3),
        world.file(seeded.engine, "src.py", line_count=4),
    ]
    world.committed(seeded.store, *rows)
    id = seeded.engine.id
    with seeded.store.begin(Mode.SNAPSHOT) as unit:
        assert unit.files.totals(id) == FileTotals(file_count=3, folder_count=1, total_lines=9)
        assert unit.files.totals(world.new_id()) == FileTotals(file_count=0, folder_count=0, total_lines=0)
        assert [stamp.path for stamp in unit.files.subtree(id, "src")] == ["src", "src/a.py", "src/b.py"]
        assert list(unit.files.stamps(id)) == ["src", "src.py", "src/a.py", "src/b.py"]
        chosen = unit.files.stamps(id, ["src.py", "no", "src", "src"])
        assert {path: stamp.id for path, stamp in chosen.items()} == {"src": rows[0].id, "src.py": rows[3].id}
        with pytest.raises(InvalidValue):
            unit.files.stamps(id, "src")


def test_a_subtree_moves_as_one(seeded: Seeded) -> None:
    folder = world.file(seeded.engine, "src", type=FileType.FOLDER)
    inner = world.file(seeded.engine, "src/a.py", parent_id=folder.id)
    beside = world.file(seeded.engine, "srcs.py")
    home = world.file(seeded.engine, "lib", type=FileType.FOLDER)
    world.committed(seeded.store, folder, inner, beside, home)
    id = seeded.engine.id
    seeded.clock.tick()
    with seeded.store.begin() as unit:
        assert unit.files.move_subtree(id, "nothing", "x", world.new_id()) == 0
        assert unit.files.move_subtree(id, "src", "lib/core", home.id) == 2
        moved = unit.files.get(id, folder.id)
        assert moved == replace(folder, path="lib/core", name="core", parent_id=home.id, updated_at=seeded.clock.now)
        assert unit.files.get(id, inner.id) == replace(inner, path="lib/core/a.py", updated_at=seeded.clock.now)
        assert unit.files.find_path(id, "src/a.py") is None
        assert unit.files.get(id, beside.id) == beside
        unit.commit()
    with seeded.store.begin() as unit:
        assert unit.files.move_subtree(id, "lib/core", "lib/core", home.id) == 2
        for segment, last in (("p" * 249, "p" * 249), ("日" * 216, "日" * 217)):
            with pytest.raises(InvalidValue) as refused:
                unit.files.move_subtree(id, "lib/core", "/".join([segment] * 3 + [last]), None)
            assert refused.value.facts["field"] == "path"
            assert "after the move" in refused.value.reason
        with pytest.raises(InvalidValue) as refused:
            unit.files.move_subtree(id, "lib/core", "n" * 256, None)
        assert refused.value.field == "name"
        with pytest.raises(MissingReference):
            unit.files.move_subtree(id, "lib/core", "core", world.new_id())
    with seeded.store.begin() as unit, pytest.raises(AlreadyExists) as taken:
        unit.files.move_subtree(id, "lib/core", "srcs.py", None)
    assert taken.value.constraint == "idx_files_path"


def test_a_path_inside_the_moved_tree_is_taken_too(seeded: Seeded) -> None:
    world.committed(seeded.store, world.file(seeded.engine, "a"), world.file(seeded.engine, "a/a"))
    with seeded.store.begin() as unit, pytest.raises(AlreadyExists):
        unit.files.move_subtree(seeded.engine.id, "a", "a/a", None)


def test_reviews_follow_their_files(seeded: Seeded) -> None:
    id = seeded.engine.id
    old = world.review(seeded.engine, "src/a.py")
    new = world.review(seeded.engine, "src/a.py", created_at=world.START + world.MINUTE)
    other = world.review(seeded.engine, "src/a.py", reviewer="ai")
    beside = world.review(seeded.engine, "srcs.py")
    world.committed(seeded.store, new, old, other, beside)
    with seeded.store.begin() as unit:
        assert [row.id for row in unit.reviews.latest(id)] == [other.id, new.id, beside.id]
        assert unit.reviews.move_paths(id, "src", "lib") == 3
        assert [row.file_path for row in unit.reviews.latest(id)] == ["lib/a.py", "lib/a.py", "srcs.py"]
        assert unit.reviews.get(id, old.id).updated_at > old.updated_at
        with pytest.raises(InvalidValue) as refused:
            unit.reviews.move_paths(id, "lib", "x" * 999)
        assert refused.value.field == "file_path"
        assert unit.reviews.delete_paths(id, ["lib/a.py", "no"]) == 3
        assert unit.reviews.count(id) == 1


def test_quality_inputs_are_of_one_project(seeded: Seeded) -> None:
    world.committed(seeded.store, world.review(seeded.engine, "a.py", line_count=40))
    with seeded.store.begin(Mode.READ) as unit:
        assert unit.quality.inputs(seeded.engine.id) == QualityInputs(reviewed_lines=40)
        assert unit.quality.inputs(world.new_id()) == QualityInputs()


def test_the_archive_takes_what_ended_long_ago_and_nobody_needs(seeded: Seeded) -> None:
    def ended(days: int, **values: Any) -> Any:
        at = world.START - timedelta(days=days)
        given = {"status": DeploymentStatus.STOPPED, "completed_at": at, "created_at": at, "updated_at": at}
        return world.deployment(seeded.engine, **{**given, **values})

    live = [ended(days, live_at=world.START - timedelta(days=days)) for days in (40, 50, 60)]
    failed = ended(90, status=DeploymentStatus.FAILED)
    retried = ended(80, status=DeploymentStatus.FAILED, retry_of=failed.id)
    pending = world.deployment(seeded.engine, retry_of=retried.id)
    young = ended(1, status=DeploymentStatus.FAILED)
    unnamed = ended(70, completed_at=None)
    world.committed(seeded.store, *live, failed, retried, pending, young, unnamed)
    id = seeded.engine.id
    with seeded.store.begin() as unit:
        assert unit.deployments.archive(1_000_000) == unit.deployments.archive(2**31 - 1) == 0
        assert unit.deployments.archive(30) == 2
        archived = {row.id: row for row in unit.archived_deployments.stream(id)}
        assert set(archived) == {live[2].id, unnamed.id}
        assert archived[unnamed.id].archived_at == unit.now
        assert archived[unnamed.id].updated_at == unnamed.updated_at
        kept = {row.id for row in unit.deployments.stream(id)}
        assert kept == {live[0].id, live[1].id, failed.id, retried.id, pending.id, young.id}
        assert unit.deployments.archive(30) == 0
        for days in (-1, True, 1.5, 2**31):
            with pytest.raises(InvalidValue):
                unit.deployments.archive(days)  # type: ignore[arg-type]
