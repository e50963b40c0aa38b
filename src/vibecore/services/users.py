"""Users: profiles, and what administrators do with accounts."""

from __future__ import annotations

import dataclasses
from typing import Any, Final
from uuid import UUID

from vibecore.domain.actors import Actor, ActorKind, check_actor
from vibecore.domain.changes import NOT_GIVEN, NotGiven, changes, diff
from vibecore.domain.errors import InvalidTransition, NotFound
from vibecore.domain.filters import Filter, checked, field
from vibecore.domain.paging import OrderBy, Page, total_order
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import PROFILES, Profile
from vibecore.domain.rules import check_member
from vibecore.domain.users import USERS, User, UserRole, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.accounts import make_account
from vibecore.services.credentials import Standing, check_recent
from vibecore.services.issuing import ENDED, end_all
from vibecore.services.scoped import check_id
from vibecore.services.tries import Counters, forget
from vibecore.services.work import Service, allowed, allowed_account

_ADMINS: Final = field("role").eq(UserRole.ADMIN) & field("disabled_at").missing()
"""Who can sign in and administer."""


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

    def find_by_email(self, actor: Actor, email: str) -> Profile | None:
        """The user with this address, in whatever case, or None; InvalidValue, PermissionDenied unless `actor` is an
        administrator."""
        key = email_key(check_email(email))

        def run(tx: UnitOfWork) -> Profile | None:
            allowed(actor, Action.USERS_READ)
            found = tx.users.find_by_email_key(key)
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
            return self._change(tx, actor, user, changed, "user.updated")

        return self._work.write(actor, run)

    def set_role(self, actor: Actor, user_id: UUID, *, role: UserRole) -> Profile:
        """The user with another system role. A change ends all of the user's sessions, whose lifetime depends on it:
        they sign in anew.

        Raises NotFound, InvalidValue, PermissionDenied; InvalidTransition for the last administrator who can sign in.
        """
        key = check_id("user_id", user_id)
        check_member(UserRole, "role", role)

        def run(tx: UnitOfWork) -> Profile:
            user, others = self._with_admins(tx, actor, key)
            if role is not UserRole.ADMIN:
                _check_not_last(user, others, role.value)
            changed = changes(USERS, user, role=role)
            return self._change(tx, actor, user, changed, "user.role.changed", end_sessions=True)

        return self._work.write(actor, run)

    def disable(self, actor: Actor, user_id: UUID) -> Profile:
        """The user, who cannot sign in any more; all sessions are ended, and API keys do not work while it lasts. No
        effect on who is disabled already.

        Raises NotFound, InvalidValue, PermissionDenied; InvalidTransition for the last administrator who can sign in.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Profile:
            user, others = self._with_admins(tx, actor, key)
            if user.disabled_at is not None:
                return Profile.of(user)
            _check_not_last(user, others, "disabled")
            changed = changes(USERS, user, disabled_at=tx.now)
            return self._change(tx, actor, user, changed, "user.disabled", end_sessions=True)

        return self._work.write(actor, run)

    def enable(self, actor: Actor, user_id: UUID) -> Profile:
        """The user, who can sign in again. No effect on who is not disabled.

        Raises NotFound, InvalidValue, PermissionDenied.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> Profile:
            allowed(actor, Action.USERS_MANAGE)
            user = _existing(tx.users.find(key), key)
            return self._change(tx, actor, user, changes(USERS, user, disabled_at=None), "user.enabled")

        return self._work.write(actor, run)

    def delete(self, actor: Actor, user_id: UUID) -> None:
        """Remove the account, and what belongs to nobody else: memberships, sessions, API keys, recovery codes and
        notifications. The audit trail stays, and names the user by id; what held their tries back is forgotten.

        Projects never go with their owner. Raises NotFound, InvalidValue, PermissionDenied for other people's accounts;
        InvalidTransition while the user owns projects, archived ones too, and for the last administrator who can sign
        in; for one's own account ReauthenticationRequired, and AuthenticationFailed where the session has ended.
        """
        key = check_id("user_id", user_id)

        def run(tx: UnitOfWork) -> None:
            allowed_account(actor, Action.ACCOUNT_DELETE, key)
            own = None
            with tx.batch() as batch:
                found = batch.add(tx.users.find, key)
                others = batch.add(tx.users.count, where=_ADMINS & field("id").ne(key))
                # In this unit: who adds a project meanwhile reads the row that goes, so one of the two collides.
                owned = batch.add(tx.projects.count, where=field("owner_id").eq(key))
                if actor.user_id == key and actor.session_id is not None:
                    own = batch.add(tx.sessions.find, key, actor.session_id)
            user = _existing(found.value, key)
            if actor.user_id == key:
                account = Standing(user, None if own is None else own.value)
                check_recent(self._effects.policy, account, actor, Action.ACCOUNT_DELETE, tx.now)
            _check_not_last(user, others.value, "deleted")
            if owned.value:
                raise InvalidTransition("user", user.role.value, "deleted", "owns projects")
            event = self._work.event(
                tx, actor, "user.deleted", resource_type="user", resource_id=key, changes=diff(USERS, user, None)
            )
            with tx.batch() as batch:
                batch.add(tx.users.delete, key)
                batch.add(tx.audit.append, event)
            held = Counters(self._effects).of_account(user)
            self._work.after_commit(lambda: forget(self._work, *held))

        self._work.write(actor, run)

    def unlock(self, actor: Actor, user_id: UUID) -> None:
        """Let the user's tries begin anew: passwords, codes, and proofs of who is signed in. Their password stays, and
        a disabled account stays disabled.

        Raises NotFound, InvalidValue, PermissionDenied; TransactionError inside `transaction` and `atomic`, whose
        rollback would undo the audit row and not what it tells of.
        """
        key = check_id("user_id", user_id)
        check_actor(actor)
        self._work.refuse_inside("unlock")

        def run(tx: UnitOfWork) -> User:
            allowed(actor, Action.USERS_MANAGE)
            event = self._work.event(tx, actor, "user.unlocked", resource_type="user", resource_id=key)
            with tx.batch() as batch:
                found = batch.add(tx.users.find, key)
                batch.add(tx.audit.append, event)
            return _existing(found.value, key)

        # The row first: should forgetting fail, the caller learns of it, and nothing has been done untold.
        user = self._work.write(actor, run)
        forget(self._work, *Counters(self._effects).of_account(user))

    def create_admin(self, actor: Actor, *, email: str, password: str, name: str) -> Profile:
        """A new administrator; the first one is made by `Actor.system(reason)`, who vouches for the address: where the
        policy asks for verified ones, nobody could send its link otherwise.

        Raises PermissionDenied, InvalidValue, PasswordRejected, AlreadyExists where the address is taken.
        """
        check_actor(actor)
        return make_account(
            self._work,
            actor,
            Action.USERS_MANAGE,
            email=email,
            password=password,
            name=name,
            role=UserRole.ADMIN,
            event="user.created",
            verified=actor.kind is ActorKind.SYSTEM,
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
        *,
        end_sessions: bool = False,
    ) -> Profile:
        if not changed:
            return Profile.of(user)
        after = dataclasses.replace(user, **changed)
        row = self._work.event(
            tx,
            actor,
            event,
            resource_type="user",
            resource_id=user.id,
            changes=diff(USERS, user, after),
            rows=ENDED if end_sessions else None,
        )
        with tx.batch() as batch:
            stored = batch.add(tx.users.update, after)
            if end_sessions:
                end_all(tx, batch, user.id)
            batch.add(tx.audit.append, row)
        return Profile.of(stored.value)


def _existing(user: User | None, key: UUID) -> User:
    if user is None:
        raise NotFound("user", key)
    return user


def _check_not_last(user: User, others: int, target: str) -> None:
    if user.role is UserRole.ADMIN and user.disabled_at is None and others == 0:
        raise InvalidTransition("user", user.role.value, target, "the last administrator stays")
