"""What a list says of addresses that are probably typed wrong."""

from __future__ import annotations

from collections.abc import Collection

from django.utils.html import format_html
from django.utils.safestring import SafeString

from members.email_domains import email_domain, readable_domain
from members.models import EmailDomain, Member


def mark_probable_domains(members: Collection[Member]) -> None:
    """Set `probable_domain` on each of `members`: what the domain of the address is probably a
    typo of, or an empty text. Two queries for any number."""
    domains = {member.pk: email_domain(member.email) for member in members if member.is_active}
    probable = EmailDomain.objects.probably_meant_by(domains.values())
    for member in members:
        meant = probable.get(domains.get(member.pk, ""), "")
        member.probable_domain = meant  # type: ignore[attr-defined]


def with_looks_like(text: object, domain: str, probable_domain: str) -> SafeString | str:
    """Return `text`, and below it what `domain` looks like, if it is probably typed wrong."""
    if not probable_domain:
        return str(text)
    return format_html(
        '<span><bdi>{}</bdi><br><span class="hint">{} looks like {}</span></span>',
        text,
        readable_domain(domain),
        readable_domain(probable_domain),
    )
