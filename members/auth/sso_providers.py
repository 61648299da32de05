"""Sign-in services of hospitals. The settings make them (collaborative/sso_settings.py)."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Provider:
    """One OpenID Connect provider."""

    key: str  # in addresses and settings: "rush"
    name: str  # as people know it: "Rush Example Hospital"
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...]  # whose addresses it may vouch for, with what lies below them
    email_trusted: bool = False  # where `email_verified` is not sent at all (Entra ID)
    further_origins: tuple[str, ...] = ()

    @property
    def origins(self) -> set[str]:
        """Where people are sent to sign in, as a content security policy names it."""
        parts = urlsplit(self.issuer)
        return {f"{parts.scheme}://{parts.netloc}", *self.further_origins}
