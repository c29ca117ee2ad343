"""Customers, orders, and a table of all kinds of fields."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_changes"), migrations.swappable_dependency(settings.AUTH_USER_MODEL)]
    operations = [
        migrations.CreateModel("Customer", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("user", models.OneToOneField(
                settings.AUTH_USER_MODEL, django.db.models.deletion.CASCADE, null=True)),
            ("email", models.EmailField(max_length=254, unique=True)),
            ("since", models.DateTimeField(auto_now_add=True)),
        ]),
        migrations.CreateModel("Company", [
            ("customer_ptr", models.OneToOneField(
                "shop.customer", django.db.models.deletion.CASCADE, auto_created=True,
                parent_link=True, primary_key=True, serialize=False)),
            ("vat", models.CharField(max_length=20)),
        ], bases=("shop.customer",)),
        migrations.CreateModel("Order", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("customer", models.ForeignKey(
                "shop.customer", django.db.models.deletion.PROTECT, related_name="orders")),
            ("status", models.CharField(max_length=10, default="open", choices=[
                ("open", "Open"), ("paid", "Paid"), ("sent", "Sent")])),
            ("placed_on", models.DateField()),
            ("version", models.PositiveIntegerField(default=1)),
        ]),
        migrations.CreateModel("Line", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("order", models.ForeignKey(
                "shop.order", django.db.models.deletion.CASCADE, related_name="lines")),
            ("product", models.ForeignKey("shop.product", django.db.models.deletion.PROTECT)),
            ("quantity", models.PositiveSmallIntegerField()),
            ("price", models.DecimalField(max_digits=10, decimal_places=2)),
        ]),
        migrations.CreateModel("Thing", [
            ("id", models.BigAutoField(
                auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ("big", models.BigIntegerField(null=True)),
            ("small", models.SmallIntegerField(null=True)),
            ("exact", models.DecimalField(max_digits=30, decimal_places=5, null=True)),
            ("double", models.FloatField(null=True)),
            ("text", models.TextField(null=True)),
            ("data", models.BinaryField(null=True)),
            ("day", models.DateField(null=True)),
            ("clock", models.TimeField(null=True)),
            ("moment", models.DateTimeField(null=True)),
            ("length", models.DurationField(null=True)),
            ("flag", models.BooleanField(null=True)),
            ("key", models.UUIDField(null=True)),
            ("document", models.JSONField(null=True)),
            ("numbers", django.contrib.postgres.fields.ArrayField(models.IntegerField(), null=True)),
            ("matrix", django.contrib.postgres.fields.ArrayField(
                django.contrib.postgres.fields.ArrayField(models.IntegerField()), null=True)),
            ("address", models.GenericIPAddressField(null=True)),
        ]),
    ]
