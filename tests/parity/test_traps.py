"""Divergences that the machine found, each with the trap's name; what holds on one backend holds on the other."""

from __future__ import annotations

from uuid import UUID

import pytest

from vibecore.bootstrap.vibe import Vibe
from vibecore.domain.actors import Actor
from vibecore.domain.errors import NotFound, PermissionDenied, TransactionError
from vibecore.domain.files import FILES
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.users import USERS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import make, prepare
from vibecore.testing.effects import fixed_effects


def test_trail_scanned_then_denied(store: Store) -> None:
    """A transaction that read the whole trail does not collide with the audit row of its own denied call."""
    vibe = Vibe(store, fixed_effects())
    system = Actor.system("test")
    with vibe.transaction() as tx:
        tx.maintenance.refresh_analytics(system)
        with pytest.raises(NotFound):
            tx.users.get(system, UUID(int=2**100))
    assert len(vibe.audit.page(system).items) >= 2


def test_found_by_id_in_the_order_asked_for(store: Store) -> None:
    """`find_many` gives rows in the order of the ids, not in the one in which a server happens to meet them."""
    with store.begin() as tx:
        first, second = make(tx, USERS), make(tx, USERS)
        tx.users.update(first)
        for ids in ([first.id, second.id], [second.id, first.id]):
            assert list(tx.users.find_many(ids)) == ids


def test_moving_what_is_not_there(store: Store) -> None:
    """Nothing stands at the path, though something stands below it: nothing moves."""
    with store.begin() as tx:
        below = make(tx, FILES, path="a/b")
        assert tx.files.move_subtree(below.project_id, "a", "c", None) == 0
        assert tx.files.get(below.project_id, below.id) == below


def test_room_for_the_trail_inside_a_transaction(store: Store) -> None:
    """Refused before it locks the trail: the row of a call that is denied behind it could never be written."""
    vibe = Vibe(store, fixed_effects())
    with vibe.transaction() as tx:
        with pytest.raises(TransactionError):
            tx.maintenance.prepare_audit(Actor.system("test"), months=1)
        with pytest.raises(PermissionDenied):
            tx.maintenance.archive_deployments(Actor.anonymous(), days=0)
    assert [event.action for event in vibe.audit.page(Actor.system("test")).items] == ["permission.denied"]


def test_answer_before_failure_in_a_batch(store: Store) -> None:
    """The first failure of a batch is the one reported, also where it is an answer and a later one a constraint."""
    with store.begin() as tx:
        session = prepare(tx, SESSIONS)
        orphan = prepare(tx, SESSIONS)
        lost = type(orphan)(**{**{name: getattr(orphan, name) for name in SESSIONS.names}, "user_id": UUID(int=1)})
        with pytest.raises(NotFound), tx.savepoint(), tx.batch() as batch:  # noqa: PT012  # the end of the block raises
            batch.add(tx.sessions.update, session)
            batch.add(tx.sessions.insert, lost)
        assert tx.sessions.count(session.user_id) == 0
