from __future__ import annotations

import copy
import pickle
from threading import Thread
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vibecore.domain.errors import InvalidValue
from vibecore.services.mail.local import ConsoleMailer, NoMailer, OutboxMailer
from vibecore.services.mail.messages import LONGEST_SUBJECT, Mail, Mailer, MailPurpose, one_line

LINK = "https://example.org/reset-password?token=vcr_secret"


def mail(**changed: Any) -> Mail:
    fields = {
        "recipient": "ada@example.org",
        "subject": "Choose a new password",
        "text": f"Open {LINK}\n",
        "purpose": MailPurpose.RESET_PASSWORD,
        "values": {"token": "vcr_secret"},
        **changed,
    }
    return Mail(**fields)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recipient", "nobody"),
        ("recipient", "ada@example.org\nBcc: eve@example.org"),
        ("recipient", "ada@example.org\r\nBcc: eve@example.org"),
        ("recipient", "ada@example.org, eve@example.org"),
        ("recipient", None),
        ("subject", ""),
        ("subject", "Hello\nBcc: eve@example.org"),
        ("subject", "Hello\r"),
        ("subject", "Hello\u2028there"),
        ("subject", "Hello\x1b[2J"),
        ("subject", "x" * (LONGEST_SUBJECT + 1)),
        ("subject", 5),
        ("text", None),
        ("text", "a\0b"),
        ("text", "a\ud800b"),
    ],
)
def test_what_is_no_mail_is_refused(field: str, value: Any) -> None:
    """By the field, without quoting it; a header cannot be written into another one."""
    with pytest.raises(InvalidValue) as caught:
        mail(**{field: value})
    assert caught.value.field == field
    assert "eve" not in str(caught.value)
    assert caught.value.__context__ is None


def test_addresses_and_subjects_of_all_languages() -> None:
    """Normalised as accounts are."""
    found = mail(recipient="jo\u0308rg@bücher.example", subject="Bitte bestätigen: 確認 👩🏽")
    assert found.recipient == "jörg@bücher.example"


def test_a_mail_shows_no_link_and_goes_nowhere() -> None:
    """Not in repr, not in a pickle; its values do not change."""
    found = mail()
    assert "secret" not in f"{found!r} {found}"
    assert "reset-password" in repr(found)
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            leave(found)
    values = {"token": "a"}
    kept = mail(values=values)
    values["token"] = "b"
    assert kept.values["token"] == "a"
    with pytest.raises(TypeError):
        kept.values["token"] = "b"  # type: ignore[index]  # that is the test
    assert kept == mail(values={"token": "a"})
    assert kept != mail(values={"token": "b"})
    assert isinstance(hash(kept), int)


@given(st.text())
def test_one_line_is_one_line(text: str) -> None:
    """Whatever the text: as long as before, in the eyes of everybody who splits lines."""
    line = one_line(text)
    assert len(line) == len(text)
    assert len(line.splitlines()) <= 1
    assert not any(ord(char) < 32 or ord(char) == 127 for char in line)
    assert one_line(line) == line


def test_an_outbox_keeps_the_latest() -> None:
    """By recipient too, until it is cleared."""
    outbox: OutboxMailer = OutboxMailer(most=3)
    port: Mailer = outbox
    for number in range(5):
        port.send(mail(recipient=f"{number % 2}@example.org", subject=str(number)))
    assert [kept.subject for kept in outbox.mails] == ["2", "3", "4"]
    assert [kept.subject for kept in outbox.to("0@example.org")] == ["2", "4"]
    assert "secret" not in repr(outbox.mails)
    outbox.clear()
    assert outbox.mails == ()


def test_an_outbox_is_shared_by_threads() -> None:
    """No mail is lost, and it can be read meanwhile."""
    outbox = OutboxMailer(most=10_000)

    def send() -> None:
        for _ in range(500):
            outbox.send(mail())
            assert outbox.mails

    threads = [Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outbox.mails) == 2000


def test_the_console_shows_what_a_developer_needs(capsys: pytest.CaptureFixture[str]) -> None:
    """Recipient, subject and text with its link."""
    ConsoleMailer().send(mail())
    assert capsys.readouterr().out == f"To: ada@example.org\nSubject: Choose a new password\n\nOpen {LINK}\n\n"


def test_without_mail_a_warning_tells(caplog: pytest.LogCaptureFixture) -> None:
    """What for, and neither to whom nor what it said; once for each purpose, however many accounts register."""
    mailer = NoMailer()
    for _ in range(3):
        mailer.send(mail())
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("vibecore.mail", "WARNING")
    assert "reset-password" in record.getMessage()
    assert "ada" not in record.getMessage()
    assert "secret" not in record.getMessage()
    mailer.send(mail(purpose=MailPurpose.VERIFY_EMAIL))
    NoMailer().send(mail())
    assert ["reset" in record.getMessage() for record in caplog.records] == [True, False, True]
