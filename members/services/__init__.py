"""Everything that can happen to members and organizations.

Each function is one transaction that checks the stored state under a lock, writes history
and tells `teams` through the one signal. A step that is not allowed raises Refused, whose
text is written for the person who tried. Against deadlocks: locks are taken in the order
organization, members, memberships, and as `no_key`, so that a history row which only refers
to a locked person or organization does not wait.
"""

from members.history.decisions import (
    Preview,
    create_decision,
    preview_action,
    process_decision,
    undo_decision,
)
from members.history.saving import (
    Refused,
    bulk_save_with_history,
    delete_with_history,
    lock_open_account,
    one_line,
    save_with_history,
)
from members.services.affiliations import (
    confirm_affiliation,
    locked_organization,
    set_affiliation,
    unconfirm_affiliation,
)
from members.services.importing import (
    OrganizationImport,
    RefusedCell,
    organizations_named,
    parts,
    store_all,
)
from members.services.merging import merge_organizations, rename_organization
from members.services.organizations import (
    add_domain,
    add_organization,
    decline_organization,
    recognize_organization,
    remove_domain,
)
from members.services.people import (
    anonymize_member,
    change_profile,
    complete_profile,
    get_or_create_member,
    lock_administrators,
)
from members.services.requeueing import failed_emails, requeue_emails
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

__all__ = [
    "Preview",
    "OrganizationImport",
    "Refused",
    "RefusedCell",
    "add_domain",
    "add_organization",
    "set_affiliation",
    "change_profile",
    "confirm_affiliation",
    "decline_organization",
    "delete_ended_sessions",
    "describe_browser",
    "end_sessions",
    "export_sessions",
    "anonymize_member",
    "failed_emails",
    "complete_profile",
    "preview_action",
    "lock_administrators",
    "lock_open_account",
    "locked_organization",
    "note_second_factor",
    "merge_organizations",
    "one_line",
    "organizations_named",
    "parts",
    "active_sessions",
    "recognize_organization",
    "save_with_history",
    "bulk_save_with_history",
    "reencrypt_second_factors",
    "delete_with_history",
    "remove_domain",
    "rename_organization",
    "requeue_emails",
    "reset_second_factor",
    "second_factors",
    "store_all",
    "create_decision",
    "unconfirm_affiliation",
    "undo_decision",
    "get_or_create_member",
    "process_decision",
]
