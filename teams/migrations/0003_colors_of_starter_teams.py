"""The teams that the portal starts with keep the colors and drawings of their first day."""

from django.db import migrations

LOOKS = {
    "education-training": ("plum", "books"),
    "local-targeted-hiring": ("brick", "map"),
    "retention-career-pathways": ("prairie", "stairs"),
}


def set_looks(apps, schema_editor):
    teams = apps.get_model("teams", "ActionTeam").objects
    for slug, (color, drawing) in LOOKS.items():
        teams.filter(slug=slug).update(color=color, drawing=drawing)


class Migration(migrations.Migration):
    dependencies = [("teams", "0002_team_color_and_drawing")]
    operations = [migrations.RunPython(set_looks, migrations.RunPython.noop, elidable=True)]
