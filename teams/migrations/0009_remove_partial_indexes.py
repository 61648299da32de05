"""Remove the two indexes that the one of all decided memberships replaces."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('teams', '0008_decided_index'),
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
    ]
