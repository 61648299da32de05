"""One index of all decided memberships, which SQLite uses as well, in place of two partial ones."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class AddIndexWhileServing(AddIndexConcurrently):
    """On PostgreSQL nobody waits for the index; on SQLite writers do: two seconds for a million
    memberships."""

    concurrently = True

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == 'postgresql':
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        else:
            migrations.AddIndex.database_forwards(self, app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):

    # CONCURRENTLY cannot run inside a transaction.
    atomic = False

    dependencies = [
        ('teams', '0007_more_site_texts'),
    ]

    operations = [
        AddIndexWhileServing(
            model_name='membership',
            index=models.Index(fields=['team', 'decided_at', 'status', 'requested_at', 'origin', 'decided_by'], name='teams_membership_decided'),
        ),
    ]
