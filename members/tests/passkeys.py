"""A device with a passkey, in software: it signs what the portal asks, as a phone would."""

import json
from hashlib import sha256
from typing import Any

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData

from members.models import Member

RP_ID = "testserver"
FLAG = AuthenticatorData.FLAG
LOGIN = "/two-factor/webauthn/login/"


class Device:
    """A device that holds one passkey of `member`, whom it verifies by fingerprint or PIN unless
    `verifies` is False: then a touch is enough."""

    def __init__(self, member: Member, *, verifies: bool = True) -> None:
        self.member = member
        self.flags = FLAG.UP | (FLAG.UV if verifies else FLAG(0))
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = sha256(f"{member.pk}".encode()).digest()
        self.passkey = Authenticator.objects.create(
            user=member,
            type=Authenticator.Type.WEBAUTHN,
            data={"name": "Phone", "credential": self._registration()},
        )

    def assertion(self, options: dict[str, Any], **changes: Any) -> str:
        """Return what the browser posts for the challenge in `options`; `changes` are forged."""
        client_data = self._client_data("webauthn.get", options["publicKey"]["challenge"])
        data = AuthenticatorData.create(sha256(RP_ID.encode()).digest(), self.flags, 1)
        signature = self.key.sign(data + sha256(client_data).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": websafe_encode(client_data),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(user_pk_to_url_str(self.member).encode()),
            **changes,
        }
        return json.dumps(self._credential(response))

    def _registration(self) -> dict[str, Any]:
        public_key = ES256.from_cryptography_key(self.key.public_key())
        attested = AttestedCredentialData.create(b"\0" * 16, self.credential_id, public_key)
        data = AuthenticatorData.create(
            sha256(RP_ID.encode()).digest(), self.flags | FLAG.AT, 0, attested
        )
        response = {
            "clientDataJSON": websafe_encode(self._client_data("webauthn.create", "AAAA")),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        }
        return self._credential(response)

    def _credential(self, response: dict[str, Any]) -> dict[str, Any]:
        key = websafe_encode(self.credential_id)
        return {"id": key, "rawId": key, "type": "public-key", "response": response}

    @staticmethod
    def _client_data(step: str, challenge: str) -> bytes:
        data = {"type": step, "challenge": challenge, "origin": f"https://{RP_ID}"}
        return json.dumps(data).encode()


def request_options(client: Client) -> dict[str, Any]:
    """Return the challenge that the button on the sign-in page asks for."""
    options: dict[str, Any] = client.get(LOGIN, headers={"accept": "application/json"}).json()
    return options["request_options"]


def sign_in_by(device: Device, client: Client, path: str = LOGIN, **changes: Any) -> Any:
    """Press the button on the sign-in page; return the response to what `device` has signed."""
    return client.post(path, {"credential": device.assertion(request_options(client), **changes)})
