"""No resource has the address at which people suggest one."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('teams', '0010_announcements_resources_invitations'),
    ]

    operations = [
        migrations.AddConstraint(
            model_name='resource',
            constraint=models.CheckConstraint(condition=models.Q(('slug', 'suggest'), _negated=True), name='teams_resource_slug_not_suggest', violation_error_message='At the address “suggest” people suggest resources. Choose another title.'),
        ),
        migrations.AlterField(
            model_name='meetinglink',
            name='meeting',
            field=models.ForeignKey(on_delete=models.deletion.CASCADE, related_name='+', to='teams.meeting'),
        ),
    ]
