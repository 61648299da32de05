"""Everything that can happen to members and organizations.

Each function is one transaction that checks the stored state under a lock and writes history.
A step that is not allowed raises Refused, whose text is written for the person who tried.
Against deadlocks: locks are taken in the order organization, members, memberships, and as
`no_key`, so that a line of history which only refers to a locked person or organization does
not wait.

Steps from which something follows in teams (recognizing, declining, confirming, merging) are not
offered here: `teams.services` has them whole, and calls the modules of this package for its half.
"""

from members.history.decisions import (
    Preview,
    UndoRules,
    create_decision,
    preview_action,
    process_items,
    undo_decision,
)
from members.history.saving import (
    Refused,
    bulk_save_with_history,
    delete_with_history,
    explain_change,
    lock_open_account,
    lock_records,
    save_with_history,
)
from members.services.affiliations import (
    NOT_CONFIRMED,
    EmployerUnknownError,
    confirm_affiliations,
    confirmation_fields,
    unconfirm_affiliation,
)
from members.services.bounces import (
    bounce_to_show,
    delete_old_bounces,
    has_bounced,
    record_bounce,
    settle_bounce,
    settle_by_code,
    settle_former_addresses,
    settle_own_bounces,
)
from members.services.failed_emails import failed_emails, requeue_emails
from members.services.importing import (
    OrganizationData,
    OrganizationImportResult,
    bulk_create,
    lock_organizations,
    recognized_owners,
)
from members.services.merging import rename_organization
from members.services.organizations import remove_domain, set_kind
from members.services.people import (
    anonymize_member,
    anonymize_unused_accounts,
    complete_profile,
    get_or_create_member,
    lock_administrators,
)
from members.services.second_factor import (
    note_second_factor,
    reencrypt_second_factors,
    reset_second_factor,
    second_factors,
)
from members.services.sessions import (
    active_sessions,
    delete_ended_sessions,
    describe_browser,
    end_sessions,
    export_sessions,
)
from members.services.taking_back import (
    IMPORT_TAKEN_BACK,
    OrganizationsTakenBack,
    take_back_organizations,
)
from members.services.transitions import lock_organization

__all__ = [
    "IMPORT_TAKEN_BACK",
    "NOT_CONFIRMED",
    "EmployerUnknownError",
    "OrganizationData",
    "OrganizationImportResult",
    "OrganizationsTakenBack",
    "Preview",
    "Refused",
    "UndoRules",
    "active_sessions",
    "anonymize_member",
    "anonymize_unused_accounts",
    "bounce_to_show",
    "bulk_create",
    "bulk_save_with_history",
    "complete_profile",
    "confirm_affiliations",
    "confirmation_fields",
    "create_decision",
    "delete_ended_sessions",
    "delete_old_bounces",
    "delete_with_history",
    "describe_browser",
    "end_sessions",
    "explain_change",
    "export_sessions",
    "failed_emails",
    "get_or_create_member",
    "has_bounced",
    "lock_administrators",
    "lock_open_account",
    "lock_organization",
    "lock_organizations",
    "lock_records",
    "note_second_factor",
    "preview_action",
    "process_items",
    "recognized_owners",
    "record_bounce",
    "reencrypt_second_factors",
    "remove_domain",
    "rename_organization",
    "requeue_emails",
    "reset_second_factor",
    "save_with_history",
    "second_factors",
    "set_kind",
    "settle_bounce",
    "settle_by_code",
    "settle_former_addresses",
    "settle_own_bounces",
    "take_back_organizations",
    "unconfirm_affiliation",
    "undo_decision",
]
