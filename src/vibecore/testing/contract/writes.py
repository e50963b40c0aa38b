"""Inserting, updating and upserting rows: `vibecore.repositories.tables.Writes`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from vibecore.domain.access import Upserted
from vibecore.domain.errors import AlreadyExists, InvalidValue, MissingReference, NotFound, Stale
from vibecore.domain.files import FILES
from vibecore.domain.members import MEMBERS
from vibecore.domain.pipelines import PIPELINES
from vibecore.domain.projects import PROJECTS
from vibecore.domain.rules import LATEST
from vibecore.domain.schema import Table
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import MOMENT, altered, build, changed, make, prepare
from vibecore.testing.contract.expect import each_table, each_writable_table, invalid, refused, taken
from vibecore.testing.effects import FixedClock
from vibecore.testing.rows import Rows

TICK = timedelta(microseconds=1)


@each_table
def test_insert_stores_the_record_and_returns_its_stored_form(store: Store, table: Table[Any]) -> None:
    """What insert returns is the checked record, and it is what later units of work read."""
    with store.begin() as tx:
        record = prepare(tx, table)
        stored = Rows(tx, table).insert(record)
        assert stored == table.checked(record)
        assert Rows(tx, table).find(record) == stored
        tx.commit()
    with store.begin() as tx:
        assert Rows(tx, table).find(record) == stored


@each_table
def test_insert_refuses_a_taken_key(store: Store, table: Table[Any]) -> None:
    """A second row with the same primary key raises AlreadyExists that names the key."""
    with store.begin() as tx:
        stored = make(tx, table)
        with refused(taken(table, table.primary)):
            Rows(tx, table).insert(stored)


@each_table
def test_insert_refuses_what_is_no_record_of_the_table(store: Store, table: Table[Any]) -> None:
    """Another type of record, a dict or None is InvalidValue that names the kind, and the unit of work goes on."""
    with store.begin() as tx:
        rows = Rows(tx, table)
        stranger: object = build(FILES) if table is USERS else build(USERS)
        for value in (stranger, {"id": uuid4()}, None):
            with invalid(table.kind):
                rows.insert(value)
        assert rows.count(build(table)) == 0


@each_writable_table
@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_insert_many_stores_all_and_counts_them(store: Store, table: Table[Any], number: int) -> None:
    """Any number of records, none included; all are there and the number is returned."""
    with store.begin() as tx:
        first = prepare(tx, table)
        records = [first, *(_sibling(tx, table, first) for _ in range(number - 1))][:number]
        assert Rows(tx, table).insert_many(records) == number
        assert {row.id: row for row in Rows(tx, table).all(first)}.items() >= {
            record.id: table.checked(record) for record in records
        }.items()


def test_insert_many_takes_any_iterable_and_many_rows(store: Store) -> None:
    """A generator is as good as a list; 3,000 rows travel in one call."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        files = (build(FILES, project_id=project.id, content="x" * 100) for _ in range(3000))
        assert tx.files.insert_many(files) == 3000
        assert tx.files.count(project.id) == 3000


def test_insert_many_stores_nothing_when_one_row_fails(store: Store) -> None:
    """All or none: a taken key in the middle leaves nothing of the batch."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with pytest.raises(AlreadyExists), tx.savepoint():
            tx.users.insert_many([build(USERS), user, build(USERS)])
        assert tx.users.count() == 1


def test_insert_many_stores_nothing_when_one_value_is_wrong(store: Store) -> None:
    """Values are checked before anything is sent: the unit of work goes on, empty as it was."""
    with store.begin() as tx:
        with invalid("name"):
            tx.users.insert_many([build(USERS), build(USERS, name="")])
        assert tx.users.count() == 0


def test_insert_many_refuses_what_is_no_list(store: Store) -> None:
    """A number or a single record is InvalidValue that names the kind."""
    with store.begin() as tx:
        for value in (1, None, build(USERS)):
            with invalid("user"):
                tx.users.insert_many(value)  # type: ignore[arg-type]  # what callers without a checker do
        with invalid("user"):
            tx.users.insert_many("ab")  # type: ignore[arg-type]  # what callers without a checker do


@pytest.mark.parametrize("parent_first", [True, False])
def test_insert_many_counts_references_inside_the_batch(store: Store, parent_first: bool) -> None:
    """A file and its folder can come in one batch, in either order."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        folder = build(FILES, project_id=project.id)
        child = build(FILES, project_id=project.id, parent_id=folder.id)
        tx.files.insert_many([folder, child] if parent_first else [child, folder])
        assert tx.files.get(project.id, child.id).parent_id == folder.id


def test_a_row_can_refer_to_itself(store: Store) -> None:
    """A reference to the row's own key is met by the row itself."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        file = build(FILES, project_id=project.id)
        assert tx.files.insert(changed(file, parent_id=file.id)).parent_id == file.id


@each_writable_table
def test_update_replaces_the_row(store: Store, clock: FixedClock, table: Table[Any]) -> None:
    """The new values are returned in stored form and are what is read; `updated_at` is `tx.now`."""
    with store.begin() as tx:
        stored = make(tx, table)
        new = altered(table, stored)
        updated = Rows(tx, table).update(new)
        assert updated == changed(table.checked(new), updated_at=tx.now)
        assert Rows(tx, table).get(stored) == updated
        tx.commit()
    with store.begin() as tx:
        assert Rows(tx, table).get(stored) == updated


@each_writable_table
def test_update_leaves_other_rows_alone(store: Store, table: Table[Any]) -> None:
    """Only the row with the key changes."""
    with store.begin() as tx:
        stored = make(tx, table)
        bystander = Rows(tx, table).insert(_sibling(tx, table, stored))
        Rows(tx, table).update(altered(table, stored))
        assert Rows(tx, table).get(bystander) == bystander


@each_writable_table
def test_update_without_a_change_is_an_update(store: Store, table: Table[Any]) -> None:
    """`updated_at` moves also where nothing else differs: who read the row before is stale."""
    with store.begin() as tx:
        stored = make(tx, table)
        assert Rows(tx, table).update(stored) == changed(stored, updated_at=tx.now)
        with refused(Stale(table.kind, stored.id)):
            Rows(tx, table).update(stored)


@each_writable_table
def test_update_keeps_created_at(store: Store, table: Table[Any]) -> None:
    """A different `created_at` in the record is ignored, in the result too."""
    with store.begin() as tx:
        stored = make(tx, table)
        updated = Rows(tx, table).update(changed(stored, created_at=MOMENT - timedelta(days=400)))
        assert updated.created_at == stored.created_at
        assert Rows(tx, table).get(stored) == updated


@each_writable_table
def test_updated_at_strictly_increases(store: Store, clock: FixedClock, table: Table[Any]) -> None:
    """With a clock that stands still, or goes back, each update is one microsecond after the one before."""
    with store.begin() as tx:
        ahead = clock() + timedelta(days=1)
        stored = make(tx, table, created_at=ahead, updated_at=ahead)
        once = Rows(tx, table).update(stored)
        assert once.updated_at == ahead + TICK
        assert Rows(tx, table).update(once).updated_at == ahead + 2 * TICK


def test_an_update_at_the_same_moment_moves_on_by_a_microsecond(store: Store, clock: FixedClock) -> None:
    """max(tx.now, record.updated_at + 1 µs) where both are the same moment."""
    with store.begin() as tx:
        user = make(tx, USERS, updated_at=clock())
        assert tx.users.update(user).updated_at == clock() + TICK


def test_a_row_at_the_end_of_time_cannot_be_updated(store: Store) -> None:
    """Where no later `updated_at` can be stored the update is InvalidValue, and the unit of work goes on."""
    with store.begin() as tx:
        user = make(tx, USERS, updated_at=LATEST)
        with invalid("updated_at"):
            tx.users.update(user)
        with invalid("updated_at"):
            tx.users.update_many([user])
        with invalid("updated_at"):
            tx.users.upsert([user])
        assert tx.users.get(user.id) == user


@each_writable_table
def test_update_of_a_row_that_is_gone_is_not_found(store: Store, table: Table[Any]) -> None:
    """NotFound is an answer: it names kind and id, and the unit of work goes on."""
    with store.begin() as tx:
        stored = make(tx, table)
        Rows(tx, table).delete(stored)
        with refused(NotFound(table.kind, stored.id)):
            Rows(tx, table).update(stored)
        assert Rows(tx, table).find(stored) is None


@each_writable_table
def test_update_of_a_row_that_changed_is_stale(store: Store, table: Table[Any]) -> None:
    """Stale is an answer: it names kind and id, the row keeps the other's values, and the unit of work goes on."""
    with store.begin() as tx:
        stored = make(tx, table)
        current = Rows(tx, table).update(altered(table, stored))
        with refused(Stale(table.kind, stored.id)):
            Rows(tx, table).update(stored)
        assert Rows(tx, table).get(stored) == current


def test_update_with_a_later_version_than_the_stored_one_is_stale(store: Store) -> None:
    """The version is compared for equality, not for age."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with refused(Stale("user", user.id)):
            tx.users.update(changed(user, updated_at=user.updated_at + TICK))


def test_update_in_another_scope_is_not_found(store: Store) -> None:
    """A row is addressed by scope and id: under another project the same id is nothing."""
    with store.begin() as tx:
        file = make(tx, FILES)
        elsewhere = make(tx, PROJECTS)
        with refused(NotFound("file", file.id)):
            tx.files.update(changed(file, project_id=elsewhere.id))
        assert tx.files.get(file.project_id, file.id) == file


@each_writable_table
def test_update_many_updates_all_in_order(store: Store, table: Table[Any]) -> None:
    """The results have the order of the records and are what single updates would have given."""
    with store.begin() as tx:
        first = make(tx, table)
        second = Rows(tx, table).insert(_sibling(tx, table, first))
        new = [altered(table, second), altered(table, first)]
        updated = Rows(tx, table).update_many(new)
        assert list(updated) == [changed(table.checked(record), updated_at=tx.now) for record in new]
        assert [Rows(tx, table).get(record) for record in new] == list(updated)


def test_update_many_of_nothing_does_nothing(store: Store) -> None:
    """An empty list gives an empty result."""
    with store.begin() as tx:
        assert list(tx.users.update_many([])) == []


def test_update_many_keeps_created_at_and_moves_each_version(store: Store, clock: FixedClock) -> None:
    """What holds for `updated_at` and `created_at` in update holds for every row."""
    with store.begin() as tx:
        early = make(tx, USERS)
        late = make(tx, USERS, updated_at=clock() + timedelta(days=1))
        updated = tx.users.update_many([changed(user, created_at=clock()) for user in (early, late)])
        assert [user.updated_at for user in updated] == [clock(), late.updated_at + TICK]
        assert [user.created_at for user in updated] == [early.created_at, late.created_at]
        assert tx.users.find_many([early.id, late.id]) == {user.id: user for user in updated}


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_update_many_reports_the_first_that_is_gone_or_changed(store: Store, order: tuple[int, ...]) -> None:
    """In the order given; nothing is changed, and the unit of work goes on."""
    with store.begin() as tx:
        fine, gone, stale = make(tx, USERS), make(tx, USERS), make(tx, USERS)
        tx.users.delete(gone.id)
        current = tx.users.update(stale)
        errors = {gone.id: NotFound("user", gone.id), stale.id: Stale("user", stale.id)}
        records = [(fine, gone, stale)[place] for place in order]
        with refused(next(errors[record.id] for record in records if record.id in errors)):
            tx.users.update_many([changed(record, name="new") for record in records])
        assert tx.users.get(fine.id) == fine
        assert tx.users.get(stale.id) == current


def test_update_many_refuses_a_key_given_twice(store: Store) -> None:
    """InvalidValue for `id`; nothing is changed."""
    with store.begin() as tx:
        user = make(tx, USERS)
        with refused(InvalidValue("id", "is given twice")):
            tx.users.update_many([user, changed(user, name="new")])
        assert tx.users.get(user.id) == user


def test_update_many_stays_in_one_scope(store: Store) -> None:
    """Records of two projects are InvalidValue for the scope."""
    with store.begin() as tx:
        files = [make(tx, FILES), make(tx, FILES)]
        with refused(InvalidValue("project_id", "differs within the batch")):
            tx.files.update_many(files)
        assert [tx.files.get(file.project_id, file.id) for file in files] == files


def test_update_many_refuses_to_exchange_unique_values(store: Store) -> None:
    """A value that another row holds at the start is taken, whatever the batch does to that row."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        one, two = (make(tx, FILES, project_id=project.id, path=path) for path in "ab")
        with refused(taken(FILES, FILES.uniques[0])), tx.savepoint():
            tx.files.update_many([changed(one, path="b"), changed(two, path="a")])
        with refused(taken(FILES, FILES.uniques[0])):
            tx.files.update_many([changed(one, path="b"), changed(two, path="c")])


def test_update_many_refuses_one_unique_value_for_two_rows(store: Store) -> None:
    """A value that two records of the batch want is taken by the first."""
    with store.begin() as tx:
        project = make(tx, PROJECTS)
        one, two = (make(tx, FILES, project_id=project.id, path=path) for path in "ab")
        with refused(taken(FILES, FILES.uniques[0])):
            tx.files.update_many([changed(one, path="c"), changed(two, path="c")])


def test_update_many_checks_references(store: Store) -> None:
    """MissingReference, and the unit of work accepts only rollback."""
    with store.begin() as tx:
        one = make(tx, MEMBERS)
        two = make(tx, MEMBERS, project_id=one.project_id)
        with pytest.raises(MissingReference), tx.savepoint():
            tx.members.update_many([changed(one, user_id=uuid4()), two])
        assert tx.members.get(one.project_id, one.id) == one


@each_writable_table
def test_upsert_inserts_what_is_new_and_updates_the_rest(store: Store, table: Table[Any]) -> None:
    """By primary key: one outcome per record, in order."""
    with store.begin() as tx:
        old = make(tx, table)
        new = _sibling(tx, table, old)
        rows = Rows(tx, table)
        assert rows.upsert([altered(table, old), new]) == [Upserted.UPDATED, Upserted.INSERTED]
        assert rows.get(new) == table.checked(new)
        assert rows.get(old) == changed(table.checked(altered_like(table, old, rows.get(old))), updated_at=tx.now)


def altered_like(table: Table[Any], old: Any, found: Any) -> Any:
    """`old` with the one field of `found` that `altered` changes."""
    name = next(name for name in table.names if getattr(altered(table, old), name) != getattr(old, name))
    assert getattr(found, name) != getattr(old, name)
    return changed(old, **{name: getattr(found, name)})


def test_upsert_of_nothing_does_nothing(store: Store) -> None:
    """An empty list gives no outcomes."""
    with store.begin() as tx:
        assert list(tx.users.upsert([])) == []


def test_upsert_matches_on_a_unique_constraint(store: Store) -> None:
    """The row that holds the values is updated and keeps id, scope and `created_at`."""
    with store.begin() as tx:
        old = make(tx, PIPELINES, name="ci")
        given = build(PIPELINES, project_id=old.project_id, name="ci", config="new", created_at=tx.now)
        assert list(tx.pipelines.upsert([given], on="uq_cicd_pipelines_name")) == [Upserted.UPDATED]
        assert tx.pipelines.get(old.project_id, old.id) == changed(old, config="new", updated_at=tx.now)
        assert tx.pipelines.find(old.project_id, given.id) is None


def test_upsert_needs_no_version(store: Store) -> None:
    """An upsert overwrites the row whatever its `updated_at`, which moves on."""
    with store.begin() as tx:
        user = make(tx, USERS)
        current = tx.users.update(user)
        assert list(tx.users.upsert([changed(user, name="new")])) == [Upserted.UPDATED]
        assert tx.users.get(user.id) == changed(current, name="new", updated_at=current.updated_at + TICK)


@pytest.mark.parametrize("exists", [False, True])
def test_of_several_records_with_one_key_the_last_counts(store: Store, exists: bool) -> None:
    """The earlier ones are superseded, whether the key is new or not."""
    with store.begin() as tx:
        user = make(tx, USERS) if exists else build(USERS)
        names = ["first", "second", "third"]
        outcomes = tx.users.upsert([changed(user, name=name) for name in names])
        last = Upserted.UPDATED if exists else Upserted.INSERTED
        assert list(outcomes) == [Upserted.SUPERSEDED, Upserted.SUPERSEDED, last]
        assert tx.users.get(user.id).name == "third"


def test_upsert_works_across_scopes(store: Store) -> None:
    """A batch may hold records of several projects, new and known ones mixed."""
    with store.begin() as tx:
        known = [make(tx, FILES), make(tx, FILES)]
        new = [build(FILES, project_id=file.project_id) for file in known]
        records = [changed(known[0], content="a"), new[0], changed(known[1], content="b"), new[1]]
        updated, inserted = Upserted.UPDATED, Upserted.INSERTED
        assert list(tx.files.upsert(records)) == [updated, inserted, updated, inserted]
        found = [tx.files.get(record.project_id, record.id).content for record in records]
        assert found == ["a", None, "b", None]


def test_upsert_does_not_match_a_row_of_another_scope(store: Store) -> None:
    """A key that is taken elsewhere is taken: it is no row of this scope to update."""
    with store.begin() as tx:
        file = make(tx, FILES)
        project = make(tx, PROJECTS)
        with refused(taken(FILES, FILES.primary)):
            tx.files.upsert([changed(file, project_id=project.id)])


@pytest.mark.parametrize("on", ["uq_deployments_running", "uq_deployments_in_flight", "fk_deployments_project", "x", 1])
def test_upsert_refuses_what_cannot_match(store: Store, on: Any) -> None:
    """A partial unique constraint, another constraint or an unknown name is InvalidValue for `on`."""
    with store.begin() as tx:
        with invalid("on"):
            tx.deployments.upsert([], on=on)
        assert tx.users.count() == 0


def test_upsert_takes_the_primary_key_by_name(store: Store) -> None:
    """`on` may name the primary key, the default."""
    with store.begin() as tx:
        session = make(tx, SESSIONS)
        assert list(tx.sessions.upsert([session], on="pk_sessions")) == [Upserted.UPDATED]


def test_upsert_fails_as_a_whole(store: Store) -> None:
    """A record that breaks another constraint takes all the others with it."""
    with store.begin() as tx:
        user, other = make(tx, USERS), make(tx, USERS)
        with pytest.raises(AlreadyExists) as caught, tx.savepoint():
            tx.users.upsert([changed(user, name="new"), changed(other, email=user.email), build(USERS)])
        assert caught.value.constraint == "idx_users_email"
        assert tx.users.get(user.id) == user
        assert tx.users.count() == 2


def _sibling(tx: Any, table: Table[Any], record: Any) -> Any:
    """Another record of the same scope, not stored."""
    scope = {} if table.scope is None else {table.scope: getattr(record, table.scope)}
    return prepare(tx, table, **scope)
