"""Users: profiles, and what administrators do with accounts."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import NOT_GIVEN, NotGiven, changes, told
from vibecore.domain.errors import InvalidTransition, NotFound
from vibecore.domain.filters import Filter, checked, field
from vibecore.domain.paging import OrderBy, Page, total_order
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import PROFILES, Profile
from vibecore.domain.rules import check_member
from vibecore.domain.users import USERS, User, UserRole
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.accounts import make_account
from vibecore.services.scoped import check_id
from vibecore.services.work import Service, allowed, allowed_account

_ADMINS: Final = field("role").eq(UserRole.ADMIN) & field("disabled_at").missing()
"""Who can sign in and administer."""
_ANY_SESSION: Final = ~field("id").missing()


class UserService(Service):
    """`vibe.users`. Users see and change their own profile, administrators everybody's."""

    def get(self, actor: Actor, user_id: UUID) -> Profile:
        """The user; NotFound, InvalidValue, PermissionDenied for other people's accounts, existing or not."""
        found = self.find(actor, user_id)
        if found is None:
            raise NotFound("user", user_id)
        return found

    def find(self, actor: Actor, user_id: UUID) -> Profile | None:
        """The user, or None; InvalidValue, PermissionDenied for other people's accounts, existing or not."""
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Profile | None:
            allowed_account(actor, Action.PROFILE_READ, key)
            found = tx.users.find(key)
            return None if found is None else Profile.of(found)

        return self._work.read(actor, run)

    def page(
        self,
        actor: Actor,
        *,
        where: Filter | None = None,
        order_by: OrderBy | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Profile]:
        """All users, filtered and ordered by the fields of `Profile`.

        Raises PermissionDenied unless `actor` is an administrator; InvalidValue, InvalidCursor.
        """
        visible = checked(PROFILES, where)
        total_order(PROFILES, order_by)

        def run(tx: UnitOfWork) -> Page[Profile]:
            allowed(actor, Action.USERS_READ)
            page = tx.users.page(where=visible, order_by=order_by, limit=limit, cursor=cursor)
            return Page(tuple(Profile.of(user) for user in page.items), page.next_cursor)

        return self._work.read(actor, run)

    def update(
        self,
        actor: Actor,
        user_id: UUID,
        *,
        name: str | NotGiven = NOT_GIVEN,
        avatar_url: str | NotGiven | None = NOT_GIVEN,
    ) -> Profile:
        """The profile with the given fields changed; without an event where nothing differs.

        Raises NotFound, InvalidValue, PermissionDenied for other people's accounts.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Profile:
            allowed_account(actor, Action.PROFILE_UPDATE, key)
            user = _existing(tx.users.find(key), key)
            changed = changes(USERS, user, name=name, avatar_url=avatar_url)
            return self._change(tx, actor, user, changed, "user.updated", told(user, changed))

        return self._work.write(actor, run)

    def set_role(self, actor: Actor, user_id: UUID, *, role: UserRole) -> Profile:
        """The user with another system role, which holds from the next `authenticate` on.

        Raises NotFound, InvalidValue, PermissionDenied; InvalidTransition for the last administrator who can sign in.
        """
        key = check_id("user_id", user_id)
        check_member(UserRole, "role", role)

        def run(tx: UnitOfWork) -> Profile:
            user, others = self._with_admins(tx, actor, key)
            if role is not UserRole.ADMIN:
                _check_not_last(user, others, role.value)
            changed = changes(USERS, user, role=role)
            details = told(user, changed, values=("role",))
            return self._change(tx, actor, user, changed, "user.role.changed", details)

        return self._work.write(actor, run)

    def disable(self, actor: Actor, user_id: UUID) -> Profile:
        """The user, who cannot sign in any more; all sessions are ended. No effect on who is disabled already.

        Raises NotFound, InvalidValue, PermissionDenied; InvalidTransition for the last administrator who can sign in.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Profile:
            user, others = self._with_admins(tx, actor, key)
            if user.disabled_at is not None:
                return Profile.of(user)
            _check_not_last(user, others, "disabled")
            event = self._work.event(tx, actor, "user.disabled", resource_type="user", resource_id=key)
            with tx.batch() as batch:
                stored = batch.add(tx.users.update, dataclasses.replace(user, disabled_at=tx.now))
                batch.add(tx.sessions.delete_where, key, _ANY_SESSION)
                batch.add(tx.audit.append, event)
            return Profile.of(stored.value)

        return self._work.write(actor, run)

    def enable(self, actor: Actor, user_id: UUID) -> Profile:
        """The user, who can sign in again. No effect on who is not disabled.

        Raises NotFound, InvalidValue, PermissionDenied.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Profile:
            allowed(actor, Action.USERS_MANAGE)
            user = _existing(tx.users.find(key), key)
            return self._change(tx, actor, user, changes(USERS, user, disabled_at=None), "user.enabled", {})

        return self._work.write(actor, run)

    def create_admin(self, actor: Actor, *, email: str, password: str, name: str) -> Profile:
        """A new administrator; the first one is made by `Actor.system(reason)`.

        Raises PermissionDenied, InvalidValue, PasswordRejected, AlreadyExists where the address is taken.
        """
        return make_account(
            self._work,
            actor,
            Action.USERS_MANAGE,
            email=email,
            password=password,
            name=name,
            role=UserRole.ADMIN,
            event="user.created",
        )

    def _with_admins(self, tx: UnitOfWork, actor: Actor, key: UUID) -> tuple[User, int]:
        """The user, and how many others can sign in and administer."""
        allowed(actor, Action.USERS_MANAGE)
        with tx.batch() as batch:
            found = batch.add(tx.users.find, key)
            others = batch.add(tx.users.count, where=_ADMINS & field("id").ne(key))
        return _existing(found.value, key), others.value

    def _change(
        self,
        tx: UnitOfWork,
        actor: Actor,
        user: User,
        changed: dict[str, Any],
        event: str,
        details: Mapping[str, object],
    ) -> Profile:
        if not changed:
            return Profile.of(user)
        row = self._work.event(tx, actor, event, resource_type="user", resource_id=user.id, details=details)
        with tx.batch() as batch:
            stored = batch.add(tx.users.update, dataclasses.replace(user, **changed))
            batch.add(tx.audit.append, row)
        return Profile.of(stored.value)


def _existing(user: User | None, key: UUID) -> User:
    if user is None:
        raise NotFound("user", key)
    return user


def _check_not_last(user: User, others: int, target: str) -> None:
    if user.role is UserRole.ADMIN and user.disabled_at is None and others == 0:
        raise InvalidTransition("user", user.role.value, target, "the last administrator stays")
