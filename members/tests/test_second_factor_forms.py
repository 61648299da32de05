"""The forms of the second factor: validating them asks, counts and uses up nothing."""

import pytest
from allauth.core import context

from members.auth.second_factor import ConfirmCodeForm, SignInCodeForm, SignInPasskeyForm
from members.tests.second_factor import activate_app, code_for, recovery_codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def _request(rf):
    """A request that allauth's forms can ask about, as its middleware provides it."""
    with context.request_context(rf.post("/", REMOTE_ADDR="127.0.0.1")):
        yield


@pytest.mark.usefixtures("_request")
@pytest.mark.parametrize("form_class", [SignInCodeForm, ConfirmCodeForm])
def test_code_form_validates_without_counting_a_try(member, form_class):
    secret = activate_app(member)
    for _ in range(20):
        assert form_class({"code": "000000"}, user=member).is_valid()
    form = form_class({"code": code_for(secret)}, user=member)
    assert form.is_valid()
    assert form.verify()


@pytest.mark.usefixtures("_request")
def test_code_form_counts_each_verification(member):
    secret = activate_app(member)
    for _ in range(5):
        form = SignInCodeForm({"code": "000000"}, user=member)
        assert form.is_valid()
        assert not form.verify()
    form = SignInCodeForm({"code": code_for(secret)}, user=member)
    assert form.is_valid()
    assert not form.verify()
    assert "too many wrong codes" in str(form.errors["code"])


@pytest.mark.usefixtures("_request")
def test_code_form_uses_up_a_recovery_code_only_when_it_is_verified(member):
    activate_app(member)
    code = recovery_codes(member)[0]
    form = SignInCodeForm({"code": code}, user=member)
    assert form.is_valid()
    form.full_clean()
    assert code in recovery_codes(member)
    assert form.verify()
    assert code not in recovery_codes(member)


def test_passkey_form_validates_without_a_request(member):
    form = SignInPasskeyForm({"credential": "{}"}, user=member)
    assert form.is_valid()
    form.full_clean()
    assert form.cleaned_data["credential"] == "{}"
