"""Sign-in: registering, logging in, telling who a token belongs to, logging out."""

from __future__ import annotations

from collections.abc import Mapping

from vibecore.domain.actors import Actor
from vibecore.domain.changes import diff
from vibecore.domain.errors import AuthenticationFailed, NotFound, Stale
from vibecore.domain.logins import Login
from vibecore.domain.passwords import presented_password
from vibecore.domain.permissions import Action
from vibecore.domain.profiles import Profile
from vibecore.domain.second_factors import Enrolment
from vibecore.domain.sessions import SESSIONS
from vibecore.domain.users import USERS, UserRole, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services import enrolling
from vibecore.services.accounts import make_account
from vibecore.services.challenges import Wants
from vibecore.services.credentials import own_session
from vibecore.services.presented import authenticated, read_token
from vibecore.services.sign_in import SignIn
from vibecore.services.visits import Visit
from vibecore.services.work import Service, allowed_account


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
        device: str | None = None,
    ) -> Login:
        """How far an address and a password come: `match` on it, or ask for its `actor` where only success will do.

        Denied is the answer to an unknown address, a wrong password and a disabled account alike, after the same work
        and with an audit row that names no address. Tries are counted for the account, known or not, and for the client
        (`ip_address`, IPv6 by its /64); who is held back is Throttled, and nothing was checked. `device` is the
        `device_token` of an earlier login: its tries are its own, whatever strangers do. With Authenticated the time of
        login is noted, a hash that is out of date replaced, and the tries that led here count no more.

        Raises InvalidValue for what no login can look like.
        """
        visit = Visit.of(ip_address, device_info, device)
        return SignIn(self._work, visit).with_password(email_key(check_email(email)), presented_password(password))

    def complete_challenge(
        self,
        *,
        challenge: str,
        code: str,
        ip_address: str | None = None,
        device_info: Mapping[str, object] | None = None,
        device: str | None = None,
    ) -> Login:
        """The second step of a login: a Challenge, and a code of the authenticator or a recovery code.

        Authenticated, once for a challenge, a code and a recovery code each; Denied for a code that is wrong or used
        and a challenge that is used, expired, forged or from before a change of password or second factor; Throttled.
        Raises InvalidValue; UnreadableSecret and NotConfigured where the key of the user's secret is missing.
        """
        return SignIn(self._work, Visit.of(ip_address, device_info, device)).with_code(challenge, code)

    def begin_enrolment(self, *, challenge: str) -> Enrolment:
        """What an authenticator is set up with, for an EnrolmentRequired; each call makes a new secret.

        Raises AuthenticationFailed, LoginThrottled, InvalidValue; NotConfigured without a key to encrypt secrets with.
        """
        nobody = Actor.anonymous()
        user = SignIn(self._work, Visit.of(None, None, None)).challenged_user(challenge)

        def run(tx: UnitOfWork) -> Enrolment:
            waiting, shown = enrolling.begun(self._effects, user)
            event = self._work.event(
                tx,
                nobody,
                "auth.second_factor.begun",
                resource_type="user",
                resource_id=user.id,
                user_id=user.id,
                changes=diff(USERS, user, waiting),
            )
            with tx.batch() as batch:
                batch.add(tx.users.update, waiting)
                batch.add(tx.audit.append, event)
            return shown

        try:
            return self._work.write(nobody, run)
        except (NotFound, Stale):
            raise AuthenticationFailed from None

    def complete_enrolment(
        self,
        *,
        challenge: str,
        code: str,
        ip_address: str | None = None,
        device_info: Mapping[str, object] | None = None,
        device: str | None = None,
    ) -> Login:
        """The first code of the authenticator that `begin_enrolment` set up: the second factor is on, and the login
        Authenticated, with `recovery_codes` that are shown this once. Otherwise as `complete_challenge`."""
        visit = Visit.of(ip_address, device_info, device)
        return SignIn(self._work, visit).with_code(challenge, code, Wants.ENROLMENT)

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
            found = tx.sessions.find(user_id, session_id)
            if found is None:
                return
            event = self._work.event(
                tx,
                actor,
                "auth.logout",
                resource_type="session",
                resource_id=session_id,
                changes=diff(SESSIONS, found, None),
            )
            with tx.batch() as batch:
                batch.add(tx.sessions.delete, user_id, session_id)
                batch.add(tx.audit.append, event)

        self._work.write(actor, run)
