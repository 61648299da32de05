"""Verifying an address by a code, apart from the pages that ask for it."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import IntegrityError
from django.utils import timezone

from conftest import code_in
from members.auth.email_codes import (
    CODE_PROBLEMS,
    CodeResult,
    EmailVerification,
    Purpose,
    is_verified,
)
from members.forms import CodeForm
from members.models import MAX_CODE_TRIES, SentCode

pytestmark = pytest.mark.django_db
EMAIL = "nora@rush.example"


@pytest.fixture
def request_with_session(rf):
    request = rf.post("/", REMOTE_ADDR="127.0.0.1")
    request.session = SessionStore()
    return request


@pytest.fixture
def verification(request_with_session) -> EmailVerification:
    return EmailVerification.begin(request_with_session, Purpose.JOIN, EMAIL, {"teams": []})


def code_form(code: str) -> CodeForm:
    form = CodeForm({"code": code})
    assert form.is_valid()
    return form


def test_code_form_validates_without_counting_a_try(verification, queued_emails):
    for _ in range(3 * MAX_CODE_TRIES):
        code_form("WRNGCD")
    assert verification.check_code(code_in(queued_emails()[0])) is CodeResult.CORRECT


@pytest.mark.parametrize("change", [str.lower, " {} ".format, lambda code: "-".join(code)])
def test_check_code_ignores_case_spaces_and_hyphens(verification, queued_emails, change):
    assert verification.check_code(change(code_in(queued_emails()[0]))) is CodeResult.CORRECT


@pytest.mark.parametrize("entered", ["", " ", "BCDFG", "É" * 6, "\x00"])
def test_check_code_refuses_what_is_no_code(verification, entered):
    assert verification.check_code(entered) is CodeResult.WRONG


def test_check_code_takes_no_right_code_after_too_many_wrong_ones(verification, queued_emails):
    results = [verification.check_code("WRNGCD") for _ in range(MAX_CODE_TRIES)]
    assert results == [CodeResult.WRONG] * (MAX_CODE_TRIES - 1) + [CodeResult.TOO_MANY_TRIES]
    assert verification.check_code(code_in(queued_emails()[0])) is CodeResult.TOO_MANY_TRIES


def test_check_code_refuses_an_old_code(verification, queued_emails):
    SentCode.objects.update(expires_at=timezone.now())
    assert verification.check_code(code_in(queued_emails()[0])) is CodeResult.EXPIRED


def test_check_code_refuses_the_code_of_another_address(request_with_session, queued_emails):
    """Whose row is found all the same: it was sent to this browser before."""
    first = EmailVerification.begin(request_with_session, Purpose.JOIN, EMAIL, {})
    other = EmailVerification(
        request_with_session, Purpose.JOIN, {**first.state, "email": "other@rush.example"}
    )
    assert other.check_code(code_in(queued_emails()[0])) is CodeResult.WRONG


def test_send_code_stores_neither_code_nor_address(verification, queued_emails):
    sent = SentCode.objects.get()
    for secret in (code_in(queued_emails()[0]), EMAIL):
        assert secret not in str(vars(sent))
    assert code_in(queued_emails()[0]) not in str(dict(verification.request.session))


def test_sent_code_takes_no_more_tries_than_the_database_allows(verification):
    with pytest.raises(IntegrityError, match="members_sent_code_tries_bounded"):
        SentCode.objects.update(tries=MAX_CODE_TRIES + 1)


def test_check_code_asks_the_database_twice(verification, django_assert_num_queries):
    with django_assert_num_queries(2):
        verification.check_code("WRNGCD")


def test_accept_code_ends_the_verification(verification, queued_emails, request_with_session):
    with verification.accept_code(code_form(code_in(queued_emails()[0]))) as result:
        assert result is CodeResult.CORRECT
    assert is_verified(request_with_session, EMAIL)
    assert EmailVerification.resume(request_with_session, Purpose.JOIN) is None
    assert not SentCode.objects.exists()


def test_accept_code_leaves_a_code_whose_use_failed(verification, queued_emails):
    form = code_form(code_in(queued_emails()[0]))
    with pytest.raises(ZeroDivisionError), verification.accept_code(form):
        raise ZeroDivisionError
    with verification.accept_code(form) as result:
        assert result is CodeResult.CORRECT


def test_accept_code_takes_no_code_twice(verification, queued_emails):
    form = code_form(code_in(queued_emails()[0]))
    with verification.accept_code(form):
        pass
    with verification.accept_code(form) as result:
        assert result is CodeResult.ALREADY_USED


def test_accept_code_says_in_the_form_what_is_wrong(verification, request_with_session):
    form = code_form("WRNGCD")
    with verification.accept_code(form) as result:
        assert result is CodeResult.WRONG
    assert form.errors["code"] == [CODE_PROBLEMS[CodeResult.WRONG]]
    assert not is_verified(request_with_session, EMAIL)
    resumed = EmailVerification.resume(request_with_session, Purpose.JOIN)
    assert resumed.pending_form == {"teams": []}


def test_resume_keeps_the_purposes_apart(verification, request_with_session):
    assert EmailVerification.resume(request_with_session, Purpose.SIGN_IN) is None
