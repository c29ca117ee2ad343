"""The first tables, not yet as the models have them."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel("Label", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=20)),
        ]),
        migrations.CreateModel("Category", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("title", models.CharField(max_length=100)),
            ("parent", models.ForeignKey(
                "shop.category", django.db.models.deletion.CASCADE, null=True,
                related_name="children")),
        ]),
        migrations.CreateModel("Article", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=100)),
            ("cents", models.IntegerField()),
            ("colour", models.TextField(null=True)),
            ("category", models.ForeignKey(
                "shop.category", django.db.models.deletion.CASCADE, null=True)),
        ]),
        migrations.RunSQL(
            "INSERT INTO shop_article (name, cents, colour) VALUES ('old lamp', 1250, 'red'), "
            "('old chair', 4000, NULL)", migrations.RunSQL.noop),
    ]
