"""A second step for the tests: an authenticator app, and the codes that it shows."""

import hashlib
import json
import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData

from members.models import Member


def code_for(secret: str, half_minutes: int = 0) -> str:
    """Return what the app shows now, or some half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + half_minutes))


def activate_app(member: Member) -> str:
    """Give `member` an authenticator app and recovery codes; returns the app's key."""
    secret = generate_totp_secret()
    TOTP.activate(member, secret)
    RecoveryCodes.activate(member)
    return secret


def recovery_codes(member: Member) -> list[str]:
    """Return the recovery codes of `member` that are not used."""
    codes = Authenticator.objects.get(user=member, type=Authenticator.Type.RECOVERY_CODES)
    return codes.wrap().get_unused_codes()


def create_passkey(member: Member, name: str = "Work laptop") -> Authenticator:
    """Create a passkey that no device has: it can be asked for, listed, renamed and removed."""
    public_key = {1: 2, 3: -7, -1: 1, -2: bytes(32), -3: bytes(32)}
    key = AttestedCredentialData.create(Aaguid.NONE, b"key", public_key)
    data = AuthenticatorData.create(
        hashlib.sha256(b"testserver").digest(), AuthenticatorData.FLAG.AT, 0, key
    )
    client_data = {"type": "webauthn.create", "challenge": "AAAA", "origin": "http://testserver"}
    response = {
        "clientDataJSON": json.dumps(client_data).encode(),
        "attestationObject": AttestationObject.create("none", data, {}),
    }
    credential = _credential(response)
    return Authenticator.objects.create(
        user=member,
        type=Authenticator.Type.WEBAUTHN,
        data={"name": name, "credential": credential},
    )


def well_formed_credential() -> str:
    """Return what a device sends to sign in, for a challenge that the portal has not sent."""
    client_data = {"type": "webauthn.get", "challenge": "AAAA", "origin": "http://testserver"}
    response = {
        "clientDataJSON": json.dumps(client_data).encode(),
        # The hash of the domain, flags (user present) and a counter.
        "authenticatorData": hashlib.sha256(b"testserver").digest() + b"\x01" + bytes(4),
        "signature": b"signature",
    }
    return json.dumps(_credential(response))


def _credential(response: dict[str, bytes]) -> dict[str, object]:
    encoded = {name: websafe_encode(value) for name, value in response.items()}
    key = websafe_encode(b"key")
    return {"id": key, "rawId": key, "response": encoded, "type": "public-key"}
