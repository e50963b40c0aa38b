"""Sign-in: registering, logging in, telling who a token belongs to, logging out."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Final, NoReturn

from vibecore.domain import json
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed, InvalidValue, NotFound, SerializationConflict, Stale
from vibecore.domain.json import EMPTY_OBJECT, JsonObject
from vibecore.domain.logins import Authenticated
from vibecore.domain.passwords import presented_password
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import Profile, SessionInfo
from vibecore.domain.sessions import SESSIONS, Session
from vibecore.domain.tokens import SECRET_BYTES, make_session_token, token_digest
from vibecore.domain.users import User, UserRole, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.accounts import make_account
from vibecore.services.credentials import own_session
from vibecore.services.presented import authenticated, read_token
from vibecore.services.work import ATTEMPTS, Service, allowed_account

DEVICE_BYTES: Final = 4096
"""UTF-8 bytes of `device_info`, which a stranger can choose."""


class AuthService(Service):
    """`vibe.auth`."""

    def register(self, actor: Actor, *, email: str, password: str, name: str) -> Profile:
        """A new account with the role `developer`; `actor` is `Actor.anonymous()`, or an administrator for somebody. A
        link to confirm the address goes there (`emails.verify`).

        Raises InvalidValue; PasswordRejected with every rule of the policy that the password breaks; AlreadyExists
        where the address is taken, in whatever case; PermissionDenied for other users.
        """
        return make_account(
            self._work,
            actor,
            Action.ACCOUNT_REGISTER,
            email=email,
            password=password,
            name=name,
            role=UserRole.DEVELOPER,
            event="auth.registered",
        )

    def login(
        self,
        *,
        email: str,
        password: str,
        ip_address: str | None = None,
        device_info: Mapping[str, object] | None = None,
    ) -> Authenticated:
        """A new session of the user with this address and password; the time of login is noted.

        Raises AuthenticationFailed for an unknown address, a wrong password and a disabled account alike, after the
        same work and with an audit row that names no address; InvalidValue for what no login can look like.
        """
        visitor = Actor.anonymous(ip_address=ip_address)
        key = email_key(check_email(email))
        plain = presented_password(password)
        device = _device(device_info)
        proven: str | None = None
        for _ in range(ATTEMPTS):
            user = self._work.read(visitor, lambda tx: tx.users.find_by_email_key(key))
            if user is None or user.password_hash != proven:
                if not self._matches(plain, user):
                    self._refuse(visitor, user, "credentials")
                assert user is not None
                proven = user.password_hash
            if user.disabled_at is not None:
                self._refuse(visitor, user, "disabled")
            try:
                return self._open(visitor, user, device)
            except (Stale, NotFound):
                # The account changed after it was read, perhaps its password: nothing was written, look again.
                continue
        raise SerializationConflict

    def authenticate(self, token: str, *, ip_address: str | None = None) -> Actor:
        """Who holds this session token, with the rights that the user has now. One round trip.

        That the session is in use, which puts off its idle end, is noted at most once in `AuthPolicy.seen_interval`;
        inside a transaction, after its commit. A token that was superseded less than `AuthPolicy.rotation_grace` ago
        works too. One that is shown later has been copied: its session ends, for every token that it has; inside a
        transaction that is undone with it.

        Raises AuthenticationFailed for a token that is malformed, unknown, superseded, of a session that has ended or
        of a disabled user; InvalidValue where it is no text.
        """
        return authenticated(self._work, read_token(token), ip_address)

    def logout(self, actor: Actor) -> None:
        """End the session that `actor` came with; no effect if it has ended. PermissionDenied without a session."""

        def run(tx: UnitOfWork) -> None:
            allowed_account(actor, Action.SESSION_END, actor.user_id)
            user_id, session_id = own_session(actor)
            if tx.sessions.find(user_id, session_id) is None:
                return
            event = self._work.event(tx, actor, "auth.logout", resource_type="session", resource_id=session_id)
            with tx.batch() as batch:
                batch.add(tx.sessions.delete, user_id, session_id)
                batch.add(tx.audit.append, event)

        self._work.write(actor, run)

    def _matches(self, password: str, user: User | None) -> bool:
        """Whether it is the user's password; as long for nobody. Outside any unit of work of its own."""
        offload, hasher = self._effects.runtime.offload, self._effects.hasher
        if user is None:
            offload(hasher.verify_nothing, password)
            return False
        return offload(hasher.verify, password, user.password_hash)

    def _refuse(self, visitor: Actor, user: User | None, reason: str) -> NoReturn:
        """The row stays when a transaction around the login is rolled back."""
        user_id = None if user is None else user.id
        details = {"reason": reason}
        self._work.aside(
            lambda tx: tx.audit.append(
                self._work.event(tx, visitor, "auth.login.failed", details=details, user_id=user_id)
            )
        )
        raise AuthenticationFailed

    def _open(self, visitor: Actor, user: User, device: JsonObject) -> Authenticated:
        """A session, if the account is as it was read; else Stale or NotFound."""

        def run(tx: UnitOfWork) -> Authenticated:
            token = make_session_token(user.id, self._effects.tokens(SECRET_BYTES))
            session = Session(
                id=self._effects.ids(),
                user_id=user.id,
                token=token_digest(token),
                device_info=device,
                ip_address=visitor.ip_address,
                expires_at=tx.now + self._effects.policy.session_absolute,
                idle_expires_at=tx.now + self._effects.policy.session_idle,
                authenticated_at=tx.now,
                last_seen_at=tx.now,
                created_at=tx.now,
                updated_at=tx.now,
            )
            event = self._work.event(
                tx, visitor, "auth.login", resource_type="session", resource_id=session.id, user_id=user.id
            )
            with tx.batch() as batch:
                # First, for it compares the version: no session is made for a password that has been replaced.
                updated = batch.add(tx.users.update, dataclasses.replace(user, last_login_at=tx.now))
                opened = batch.add(tx.sessions.insert, session)
                batch.add(tx.audit.append, event)
            actor = Actor.of_user(updated.value, session_id=session.id, ip_address=visitor.ip_address)
            return Authenticated(
                user=Profile.of(updated.value), actor=actor, token=token, session=SessionInfo.of(opened.value)
            )

        return self._work.write(visitor, run)


def _device(value: Mapping[str, object] | None) -> JsonObject:
    if value is None:
        return EMPTY_OBJECT
    device: JsonObject = SESSIONS.column("device_info").check(value)
    if len(json.dumps(device).encode()) > DEVICE_BYTES:
        raise InvalidValue("device_info", f"is larger than {DEVICE_BYTES} bytes")
    return device
