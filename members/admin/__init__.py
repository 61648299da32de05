"""What all lists of the desk have in common; and the list of mails."""

from members.admin.desk import DeskModelAdmin, at_desk, badge, counted, is_administrator
from members.admin.exporting import Column, ExportAdmin, ExportingAdmin
from members.admin.history import RecordAdmin
from members.admin.mail import MailAdmin

__all__ = [
    "Column",
    "DeskModelAdmin",
    "ExportAdmin",
    "ExportingAdmin",
    "MailAdmin",
    "RecordAdmin",
    "at_desk",
    "badge",
    "counted",
    "is_administrator",
]
