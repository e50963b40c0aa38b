"""Sessions: where one is signed in, ending that, and going on under another token."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import AuthenticationFailed, NotFound, Stale
from vibecore.domain.filters import field
from vibecore.domain.logins import Renewed
from vibecore.domain.paging import Page
from vibecore.domain.passwords import presented_password
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import SessionInfo
from vibecore.domain.rules import plain_text
from vibecore.domain.sessions import SESSIONS
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import issuing, living
from vibecore.services.credentials import account_meant, own_session
from vibecore.services.presented import presented, read_token, revoke_reused
from vibecore.services.proving import Proving
from vibecore.services.scoped import NEWEST_FIRST, check_id, check_optional_id
from vibecore.services.work import Service, allowed_account

_REVOKED_ALL: Final = "auth.sessions.revoked"


class SessionService(Service):
    """`vibe.sessions`. Users see and end their own sessions, administrators everybody's."""

    def page(
        self, actor: Actor, *, user_id: UUID | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionInfo]:
        """The sessions that can be used, the newest first; one's own unless `user_id` says whose.

        What follows a cursor is as of the first page: a session that was opened since is not in it. One that has ended
        since is left out, so that a page may be shorter than `limit` though another one follows.

        Raises PermissionDenied for other people's, existing or not; NotFound (kind "user"), InvalidCursor;
        InvalidValue, also for `user_id` left out by who has no account.
        """
        wanted = check_optional_id("user_id", user_id)
        as_of, rest = living.read_cursor(cursor)

        def run(tx: UnitOfWork) -> Page[SessionInfo]:
            key = account_meant(actor, Action.SESSIONS_READ, wanted)
            moment = tx.now if as_of is None else as_of
            with tx.batch() as batch:
                user = batch.add(tx.users.find, key)
                page = batch.add(
                    tx.sessions.page,
                    key,
                    where=living.alive(moment),
                    order_by=NEWEST_FIRST,
                    limit=limit,
                    cursor=rest,
                )
            if user.value is None:
                raise NotFound("user", key)
            return living.page_of(page.value, moment, tx.now)

        return self._work.read(actor, run)

    def revoke(self, actor: Actor, session_id: UUID, *, user_id: UUID | None = None) -> None:
        """End one session, with every token that it has and had; one's own, or one of `user_id`.

        Raises NotFound (kind "session"); PermissionDenied for other people's, existing or not; InvalidValue, also for
        `user_id` left out by who has no account.
        """
        session, wanted = check_id("session_id", session_id), check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> None:
            key = account_meant(actor, Action.SESSION_END, wanted)
            found = tx.sessions.find(key, session)
            if found is None:
                raise NotFound("session", session)
            event = self._work.event(
                tx,
                actor,
                "auth.session.revoked",
                resource_type="session",
                resource_id=session,
                details={"user_id": str(key)},
                changes=diff(SESSIONS, found, None),
            )
            with tx.batch() as batch:
                batch.add(tx.sessions.delete, key, session)
                batch.add(tx.audit.append, event)

        self._work.write(actor, run)

    def revoke_others(self, actor: Actor) -> int:
        """End every session of the user but the one that `actor` came with; how many of them could be used.

        Raises AuthenticationFailed where that one has ended itself, PermissionDenied, InvalidValue without a session.
        """

        def run(tx: UnitOfWork) -> int:
            allowed_account(actor, Action.SESSION_END, actor.user_id)
            user_id, session_id = own_session(actor)
            others = living.alive(tx.now) & field("id").ne(session_id)
            with tx.batch() as batch:
                mine = batch.add(tx.sessions.find, user_id, session_id)
                ended = batch.add(tx.sessions.count, user_id, where=others)
                batch.add(tx.sessions.delete_where, user_id, field("id").ne(session_id))
            if mine.value is None:
                raise AuthenticationFailed
            self._note(tx, actor, user_id, {"sessions": ended.value, "kept": str(session_id)})
            return ended.value

        return self._work.write(actor, run)

    def revoke_all(self, actor: Actor, *, user_id: UUID | None = None) -> int:
        """End every session of the user, oneself by default; how many of them could be used.

        Raises PermissionDenied for other people's, existing or not; NotFound (kind "user"); InvalidValue, also for
        `user_id` left out by who has no account.
        """
        wanted = check_optional_id("user_id", user_id)

        def run(tx: UnitOfWork) -> int:
            key = account_meant(actor, Action.SESSION_END, wanted)
            with tx.batch() as batch:
                user = batch.add(tx.users.find, key)
                ended = batch.add(tx.sessions.count, key, where=living.alive(tx.now))
                issuing.end_all(tx, batch, key)
            if user.value is None:
                raise NotFound("user", key)
            self._note(tx, actor, key, {"sessions": ended.value})
            return ended.value

        return self._work.write(actor, run)

    def rotate(self, token: str, *, ip_address: str | None = None) -> Renewed:
        """The session of this token goes on under a new one; the old one works for `AuthPolicy.rotation_grace` longer.

        Of any number of calls with one token one gets the new token; the others get Stale (kind "session") for as long
        as the old one works, and the session is none the worse. After that a call with it ends the session: somebody
        holds a copy. Inside a transaction that is undone with it.

        Raises AuthenticationFailed for a token that is malformed, unknown, superseded, of a session that has ended or
        of a disabled user; InvalidValue where it is no text.
        """
        visitor = Actor.anonymous(ip_address=ip_address)
        address = read_token(token)

        def run(tx: UnitOfWork) -> Renewed | None:
            found = presented(tx, address)
            if found.is_reused(self._effects.policy, tx.now):
                revoke_reused(self._work, tx, visitor, found)
                return None
            user, session = found.user, found.session
            if user.disabled_at is not None:
                raise AuthenticationFailed
            if found.superseded_at is not None:
                raise Stale("session", session.id)
            event = self._work.event(
                tx,
                visitor,
                "auth.session.rotated",
                resource_type="session",
                resource_id=session.id,
                user_id=user.id,
                rows=issuing.RENEWED,
            )
            with tx.batch() as batch:
                issued = issuing.renew(self._effects, tx, batch, user, session)
                batch.add(tx.audit.append, event)
            return issued.renewed(user, ip_address)

        renewed = self._work.write(visitor, run)
        if renewed is None:
            raise AuthenticationFailed
        return renewed

    def reauthenticate(self, actor: Actor, *, password: str, code: str | None = None) -> Renewed:
        """The session of `actor` under a new token, its user having proved who they are: what a sensitive call asks for
        with ReauthenticationRequired. `code`, of the authenticator or a recovery code, where a second factor is on.

        Tries count for the account. Raises AuthenticationFailed for a wrong password, a wrong or missing code and a
        session that has ended, LoginThrottled after too many tries, when nothing was checked; PermissionDenied,
        InvalidValue without a session; UnreadableSecret and NotConfigured where the key of the second factor is
        missing.
        """
        plain = presented_password(password)
        given = None if code is None else plain_text("code", code)
        return Proving(self._work, actor).renewed(plain, given)

    def _note(self, tx: UnitOfWork, actor: Actor, user_id: UUID, details: dict[str, object]) -> None:
        """Audited where a session was ended that could still be used."""
        if not details["sessions"]:
            return
        tx.audit.append(
            self._work.event(
                tx,
                actor,
                _REVOKED_ALL,
                resource_type="user",
                resource_id=user_id,
                details=details,
                rows=issuing.ENDED,
            )
        )
