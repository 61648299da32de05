"""Sign-in services of hospitals. collaborative/sso_settings.py reads them from the environment."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Provider:
    """One OpenID Connect provider.

    key            in URLs and settings: "rush"
    name           as people know it: "Rush Example Hospital"
    domains        whose addresses it may verify, with their subdomains
    email_trusted  addresses count although `email_verified` is not sent at all (Entra ID)
    """

    key: str
    name: str
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    domains: tuple[str, ...]
    email_trusted: bool = False
    further_origins: tuple[str, ...] = ()

    @property
    def origins(self) -> set[str]:
        """Return where people are sent to sign in, as a content security policy names it."""
        parts = urlsplit(self.issuer)
        return {f"{parts.scheme}://{parts.netloc}", *self.further_origins}
