"""Links in mails: asked for without telling who has an account, and what one proves that comes back.

Nothing is stored for a link. It is a signed token (`vibecore.domain.signed_tokens`) for the account as it is now; using
it changes what it was signed for, and so it works once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NoReturn

from vibecore.domain import signed_tokens
from vibecore.domain.actors import Actor
from vibecore.domain.errors import AuthenticationFailed
from vibecore.domain.policies import AuthPolicy
from vibecore.domain.rules import plain_text
from vibecore.domain.signed_tokens import Context, Purpose, SignedToken
from vibecore.domain.users import User, check_email, email_key
from vibecore.repositories.unit_of_work import UnitOfWork
from vibecore.services.mail.messages import Mail, MailPurpose
from vibecore.services.tries import Counters, demand, take
from vibecore.services.work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One kind of link that anybody may ask for, and its events in the audit trail."""

    purpose: Purpose
    mail: MailPurpose
    lifetime: Callable[[AuthPolicy], timedelta]
    context: Callable[[User], Context]
    """What of the account the token is bound to."""
    wanted: Callable[[User], bool]
    """Whether an account that can sign in has a use for it."""
    requested: str
    failed: str


RESET: Final = Link(
    purpose=Purpose.RESET_PASSWORD,
    mail=MailPurpose.RESET_PASSWORD,
    lifetime=lambda policy: policy.reset_lifetime,
    context=lambda user: signed_tokens.reset_context(password_hash=user.password_hash, email=user.email),
    wanted=lambda user: True,
    requested="auth.reset.requested",
    failed="auth.reset.failed",
)
VERIFY: Final = Link(
    purpose=Purpose.VERIFY_EMAIL,
    mail=MailPurpose.VERIFY_EMAIL,
    lifetime=lambda policy: policy.verify_lifetime,
    context=lambda user: signed_tokens.verification_context(email=user.email, verified=user.email_verified),
    wanted=lambda user: not user.email_verified,
    requested="auth.email.verification.requested",
    failed="auth.email.verification.failed",
)


def request(work: Work, link: Link, *, email: str, ip_address: str | None) -> None:
    """A mail with a link to the account with this address, if there is one that can sign in and wants it.

    Whether there is shows in nothing that is measured here: one answer, the same statements and rows, a token signed
    in any case. The mail goes to the address as the account spells it. Raises InvalidValue; LoginThrottled for a
    client that asks too often. Who asks too often for one address gets the same answer, and no mail leaves.
    """
    visitor = Actor.anonymous(ip_address=ip_address)
    address = check_email(email)
    key = email_key(address)
    _demand_of_client(work, visitor)
    let_through = take(work, Counters(work.effects).mail(key)).allowed

    def run(tx: UnitOfWork) -> None:
        found = tx.users.find_by_email_key(key)
        user = _nobody(work, tx, address) if found is None else found
        mail = letter(work, link, user, tx.now)
        if found is not None and found.disabled_at is None and link.wanted(found) and let_through:
            work.after_commit(lambda: work.effects.mailer.send(mail))
        details = {"throttled": not let_through}
        user_id = None if found is None else found.id
        tx.audit.append(work.event(tx, visitor, link.requested, details=details, user_id=user_id))

    work.write(visitor, run)


def letter(work: Work, link: Link, user: User, now: datetime) -> Mail:
    """The mail with the link of this account, as it is stored now."""
    effects = work.effects
    token = signed_tokens.sign(
        effects.keys.key(link.purpose), link.purpose, user_id=user.id, issued_at=now, context=link.context(user)
    )
    return effects.templates.compose(
        link.mail,
        to=user.email,
        public_url=effects.public_url,
        token=token,
        email=user.email,
        name=user.name,
        expires=now + link.lifetime(effects.policy),
    )


def came_back(purpose: Purpose, token: str) -> SignedToken:
    """What a token says that has the form of one for `purpose`, which nobody believes before `believed`.

    Raises AuthenticationFailed without asking the store; InvalidValue where it is no text.
    """
    read = signed_tokens.read(purpose, plain_text("token", token))
    if read is None:
        raise AuthenticationFailed
    return read


def believed(
    work: Work,
    visitor: Actor,
    token: SignedToken,
    *,
    context: Callable[[User], Context],
    lifetime: timedelta,
    failed: str,
) -> User:
    """The account, as it is now, for which the token was signed. One round trip.

    Raises AuthenticationFailed, audited as `failed`, for a token that was forged, was used, was made for an account in
    another state, has expired, or is of a disabled account.
    """
    user, now = work.read(visitor, lambda tx: (tx.users.find(token.user_id), tx.now))
    bound = () if user is None else context(user)
    genuine = signed_tokens.verify(work.effects.keys.keys(token.purpose), token, bound)
    if user is None or not genuine:
        _refuse(work, visitor, failed, user, "invalid")
    if signed_tokens.expired(token, now, lifetime):
        _refuse(work, visitor, failed, user, "expired")
    if user.disabled_at is not None:
        _refuse(work, visitor, failed, user, "disabled")
    return user


def _refuse(work: Work, visitor: Actor, event: str, user: User | None, reason: str) -> NoReturn:
    """AuthenticationFailed, with an audit row that stays when a transaction around the call is rolled back.

    Counted as a try of the client (LoginThrottled, without a row): nobody guesses a token, but rows could pile up.
    """
    _demand_of_client(work, visitor)
    user_id = None if user is None else user.id
    details = {"reason": reason}
    work.aside(lambda tx: tx.audit.append(work.event(tx, visitor, event, details=details, user_id=user_id)))
    raise AuthenticationFailed


def _demand_of_client(work: Work, visitor: Actor) -> None:
    client = Counters(work.effects).client(visitor.ip_address)
    if client is not None:
        demand(work, client)


def _nobody(work: Work, tx: UnitOfWork, address: str) -> User:
    """Who stands in for the account that an address does not have: its link works for nobody and goes nowhere."""
    return User(
        id=work.effects.ids(),
        email=address,
        email_key=email_key(address),
        password_hash="",
        name=address,
        created_at=tx.now,
        updated_at=tx.now,
    )
