"""Names, types, keys and data change."""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Lower


def to_details(apps, editor):
    product = apps.get_model("shop", "Product")
    for one in product.objects.exclude(colour=None):
        one.details = {"colour": one.colour}
        one.save(update_fields=["details"])


def from_details(apps, editor):
    product = apps.get_model("shop", "Product")
    for one in product.objects.filter(details__has_key="colour"):
        one.colour = one.details["colour"]
        one.save(update_fields=["colour"])


class Migration(migrations.Migration):
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RenameModel("Article", "Product"),
        migrations.RenameField("Category", "title", "name"),
        migrations.AlterField("Label", "name", models.CharField(max_length=40, unique=True)),
        migrations.RenameField("Product", "cents", "price"),
        migrations.AlterField(
            "Product", "price", models.DecimalField(max_digits=10, decimal_places=2)),
        migrations.RunSQL("UPDATE shop_product SET price = price / 100",
                          "UPDATE shop_product SET price = price * 100"),
        migrations.AddField("Product", "code", models.UUIDField(null=True)),
        migrations.RunSQL("UPDATE shop_product SET code = gen_random_uuid()",
                          migrations.RunSQL.noop),
        migrations.AlterField("Product", "code", models.UUIDField(default=uuid.uuid4, unique=True)),
        migrations.AddField("Product", "weight", models.FloatField(null=True)),
        migrations.AddField("Product", "details", models.JSONField(default=dict)),
        migrations.RunPython(to_details, from_details),
        migrations.RemoveField("Product", "colour"),
        migrations.AddField("Product", "keywords", django.contrib.postgres.fields.ArrayField(
            models.TextField(), default=list)),
        migrations.AddField("Product", "active", models.BooleanField(default=True, db_default=True)),
        migrations.AddField("Product", "labels", models.ManyToManyField("shop.label")),
        migrations.AddField("Product", "slug", models.SlugField(null=True, unique=True)),
        migrations.AlterField("Product", "category", models.ForeignKey(
            "shop.category", django.db.models.deletion.SET_NULL, null=True)),
        migrations.AlterField("Product", "name", models.CharField(
            max_length=100, db_index=True, db_comment="as customers see it")),
        migrations.AddField("Product", "gross", models.GeneratedField(
            expression=models.F("price") * 2, db_persist=True,
            output_field=models.DecimalField(max_digits=12, decimal_places=2))),
        migrations.AlterModelOptions("Product", {"ordering": ["id"]}),
        migrations.AlterModelTableComment("Product", "what is sold"),
        migrations.AddIndex("Product", models.Index(Lower("name"), name="product_lower_name")),
        migrations.AddIndex("Product", models.Index(
            fields=["-price", "name"], name="product_price", condition=models.Q(active=True))),
        migrations.AddIndex("Product", models.Index(
            fields=["category"], include=["name"], name="product_covering")),
        migrations.AddConstraint("Product", models.CheckConstraint(
            condition=models.Q(price__gte=0), name="price_not_negative")),
        migrations.AddConstraint("Product", models.UniqueConstraint(
            fields=["name", "category"], name="name_in_category")),
        migrations.AddConstraint("Product", models.UniqueConstraint(
            Lower("name"), condition=models.Q(active=True), name="active_name")),
    ]
