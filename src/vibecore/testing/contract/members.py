"""Members of projects: `vibecore.repositories.members`."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.members import MEMBERS
from vibecore.repositories.unit_of_work import Store
from vibecore.testing.builders import make
from vibecore.testing.contract.expect import invalid

NOBODY: Final = UUID(int=404)


def test_members_are_found_by_their_user(store: Store) -> None:
    """The membership of a user in a project, or None."""
    with store.begin() as tx:
        member = make(tx, MEMBERS)
        other = make(tx, MEMBERS)
        assert tx.members.find_user(member.project_id, member.user_id) == member
        assert tx.members.find_user(other.project_id, member.user_id) is None
        assert tx.members.find_user(member.project_id, NOBODY) is None
        with invalid("user_id"):
            tx.members.find_user(member.project_id, None)  # type: ignore[arg-type]  # what callers without a checker do
