"""One index of all decided memberships, which SQLite uses as well, in place of two partial ones."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('teams', '0009_meeting_words'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='membership',
            name='teams_membership_joined',
        ),
        migrations.RemoveIndex(
            model_name='membership',
            name='teams_membership_answered',
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['team', 'decided_at', 'status', 'requested_at', 'origin', 'decided_by'], name='teams_membership_decided'),
        ),
    ]
