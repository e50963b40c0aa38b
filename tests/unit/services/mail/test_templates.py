from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.services.mail.messages import LONGEST_SUBJECT, MailPurpose
from vibecore.services.mail.templates import FIELDS, LONGEST_CHOSEN, MailTemplate, MailTemplates

NOON = datetime(2025, 1, 1, 12, 34, 56, tzinfo=UTC)
VALUES: dict[str, str | datetime] = {
    "public_url": "https://example.org/app",
    "token": "vcr_secret",
    "email": "ada@example.org",
    "new_email": "ada@example.com",
    "name": "Ada",
    "expires": NOON,
    "time": NOON.astimezone(timezone(timedelta(hours=9))),
    "ip_address": "192.0.2.1",
    "device": "Firefox on Linux",
    "change": "it was switched on",
}


def values(purpose: MailPurpose, **changed: str | datetime) -> dict[str, Any]:
    return {name: value for name, value in {**VALUES, **changed}.items() if name in FIELDS[purpose] or name in changed}


@pytest.mark.parametrize("purpose", list(FIELDS))
def test_the_texts_that_come_along(purpose: MailPurpose) -> None:
    """Complete sentences in short lines; those with a link have it on a line of its own, with the token once."""
    mail = MailTemplates().compose(purpose, to="ada@example.org", **values(purpose))
    assert (mail.recipient, mail.purpose) == ("ada@example.org", purpose)
    assert "$" not in mail.subject + mail.text
    assert mail.text.endswith(".\n")
    assert all(len(line) <= 140 for line in mail.text.splitlines())
    assert "https://example.org/app" in mail.text
    assert "2025-01-01 12:34 UTC" in mail.text
    links = re.findall(r"^https://example\.org/app/[a-z-]+\?token=vcr_secret$", mail.text, re.MULTILINE)
    assert len(links) == mail.text.count("vcr_secret") == ("token" in FIELDS[purpose])


@pytest.mark.parametrize("purpose", list(FIELDS))
def test_no_text_of_ours_holds_a_name(purpose: MailPurpose) -> None:
    """A stranger who registers somebody's address does not choose what that person reads."""
    mail = MailTemplates().compose(purpose, to="ada@example.org", **values(purpose, name="visit evil.example"))
    assert "evil" not in mail.subject + mail.text


def test_an_application_has_texts_of_its_own() -> None:
    """Some or all; the values are at hand for a mailer that writes HTML."""
    own = MailTemplate("$name, ein neues Passwort", "Gehe zu ${public_url}#${token}! Es kostet 5 $$.")
    mail = MailTemplates(reset_password=own).compose(
        MailPurpose.RESET_PASSWORD, to="ada@example.org", **values(MailPurpose.RESET_PASSWORD)
    )
    assert mail.subject == "Ada, ein neues Passwort"
    assert mail.text == "Gehe zu https://example.org/app#vcr_secret! Es kostet 5 $."
    assert mail.values == {
        "public_url": "https://example.org/app",
        "token": "vcr_secret",
        "email": "ada@example.org",
        "name": "Ada",
        "expires": "2025-01-01 12:34 UTC",
    }
    assert MailTemplates(reset_password=own).verify_email == MailTemplates().verify_email


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (MailTemplate("Hello", "$token $ip_address"), "has no field ip_address"),
        (MailTemplate("Hello $nmae", "$token"), "has no field nmae"),
        (MailTemplate("Hello", "No link"), "lacks $token"),
        (MailTemplate("Hello $token", "No link"), "lacks $token"),
        (MailTemplate("Hello $token", "$token"), "has $token in its subject"),
        ("Hello $token", "must be a MailTemplate, not str"),
        (None, "must be a MailTemplate, not NoneType"),
    ],
)
def test_a_wrong_template_is_refused_where_it_is_made(template: Any, reason: str) -> None:
    """By the name of its purpose, not when the first mail is sent."""
    with pytest.raises(InvalidValue) as caught:
        MailTemplates(reset_password=template)
    assert caught.value.field == "reset_password"
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("subject", "text", "field"),
    [
        ("costs 5 $", "text", "subject"),
        ("subject", "costs 5 $.", "text"),
        ("subject", "${token", "text"),
        ("", "text", "subject"),
        (" ", "text", "subject"),
        ("two\nlines", "text", "subject"),
        (None, "text", "subject"),
        ("subject", b"text", "text"),
    ],
)
def test_what_is_no_template(subject: Any, text: Any, field: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        MailTemplate(subject, text)
    assert caught.value.field == field


@pytest.mark.parametrize("purpose", list(FIELDS))
def test_every_field_has_its_value_and_no_other_has(purpose: MailPurpose) -> None:
    """A missing or an unknown one is InvalidValue, whether or not the template names it."""
    templates, given = MailTemplates(), values(purpose)
    for name in FIELDS[purpose]:
        with pytest.raises(InvalidValue, match=f"^{name}: is missing"):
            templates.compose(purpose, to="ada@example.org", **{k: v for k, v in given.items() if k != name})
    with pytest.raises(InvalidValue, match=r"^password: is no field"):
        templates.compose(purpose, to="ada@example.org", **given, password="x")


@pytest.mark.parametrize("value", [5, None, "a\0", "a\ud800", datetime(2025, 1, 1)])  # noqa: DTZ001
def test_a_wrong_value_is_refused(value: Any) -> None:
    with pytest.raises(InvalidValue, match=r"^name: "):
        MailTemplates().compose(
            MailPurpose.RESET_PASSWORD, to="ada@example.org", **values(MailPurpose.RESET_PASSWORD, name=value)
        )


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_a_value_adds_no_line(chosen: str) -> None:
    """What a stranger chose stays where the template put it, short, and is not itself a template."""
    own = MailTemplate("[$name]", "<$name>\n$token\n")
    mail = MailTemplates(reset_password=own).compose(
        MailPurpose.RESET_PASSWORD, to="ada@example.org", **values(MailPurpose.RESET_PASSWORD, name=chosen)
    )
    assert len(mail.subject) <= LONGEST_SUBJECT
    first, second = mail.text.splitlines()
    assert (first[0], first[-1], second) == ("<", ">", "vcr_secret")
    assert len(first) <= LONGEST_CHOSEN + 2
    if chosen.isprintable() and len(chosen) <= LONGEST_CHOSEN:
        assert first == f"<{chosen}>"


def test_a_token_is_never_cut() -> None:
    """The longest that there is."""
    token = "vce_" + "x" * 500
    mail = MailTemplates().compose(
        MailPurpose.CHANGE_EMAIL, to="ada@example.org", **values(MailPurpose.CHANGE_EMAIL, token=token)
    )
    assert f"?token={token}\n" in mail.text
