"""What is stored of second factors: encrypted, and encrypted with a new SECRET_KEY."""

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.core.management import call_command

from members.tests.second_factor import activate_app, code_for, create_passkey, recovery_codes

SECURITY = "/two-factor/"
ADD_PASSKEY = "/two-factor/webauthn/add/"


def test_encrypt_leaves_no_plain_key_in_the_database(member):
    secret = activate_app(member)
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code_for(secret))


def test_decrypt_takes_a_former_secret_key(member, settings):
    secret = activate_app(member)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-0123456789-abcdefghijklmnopq"  # noqa: S105
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code_for(secret))


def test_reencrypt_second_factors_makes_the_former_secret_key_needless(member, settings, capsys):
    secret = activate_app(member)
    codes = recovery_codes(member)
    create_passkey(member)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-0123456789-abcdefghijklmnopq"  # noqa: S105
    call_command("reencrypt_second_factors")
    assert (
        "Encrypted with today's SECRET_KEY: 2. Decrypted by no key: 0." in capsys.readouterr().out
    )
    settings.SECRET_KEY_FALLBACKS = []
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code_for(secret))
    assert recovery_codes(member) == codes


def test_reencrypt_second_factors_leaves_what_no_key_decrypts(member, settings, capsys):
    secret = activate_app(member)
    former = settings.SECRET_KEY
    settings.SECRET_KEY = "another-secret-0123456789-abcdefghijklmnopq"  # noqa: S105
    call_command("reencrypt_second_factors")
    assert "Decrypted by no key: 2." in capsys.readouterr().out
    settings.SECRET_KEY = former
    assert Authenticator.objects.get(type="totp").wrap().validate_code(code_for(secret))


def test_new_secret_key_beside_the_former_signs_nobody_out(client_for, member, settings):
    client = client_for(member)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another-secret-0123456789-abcdefghijklmnopq"  # noqa: S105
    assert client.get("/my/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert client.get("/my/").status_code == 200


def test_decrypt_of_an_unreadable_key_accepts_no_code(member, settings):
    secret = activate_app(member)
    settings.SECRET_KEY = "another-secret-0123456789-abcdefghijklmnopq"  # noqa: S105
    for authenticator in Authenticator.objects.filter(user=member):
        assert not authenticator.wrap().validate_code(code_for(secret))


def test_respond_user_inactive_refuses_in_words(rf, member):
    request = rf.get("/")
    request.user = member
    response = get_adapter().respond_user_inactive(request, member)
    assert response.status_code == 403
