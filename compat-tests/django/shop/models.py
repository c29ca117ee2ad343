"""What the application keeps."""

import uuid

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower


class Status(models.TextChoices):
    OPEN = "open"
    PAID = "paid"
    SENT = "sent"


class Label(models.Model):
    name = models.CharField(max_length=40, unique=True)


class Category(models.Model):
    name = models.CharField(max_length=100)
    parent = models.ForeignKey("self", models.CASCADE, null=True, related_name="children")


class Product(models.Model):
    code = models.UUIDField(default=uuid.uuid4, unique=True)
    name = models.CharField(max_length=100, db_index=True, db_comment="as customers see it")
    price = models.DecimalField(max_digits=10, decimal_places=2)
    weight = models.FloatField(null=True)
    details = models.JSONField(default=dict)
    keywords = ArrayField(models.TextField(), default=list)
    active = models.BooleanField(default=True, db_default=True)
    category = models.ForeignKey(Category, models.SET_NULL, null=True)
    labels = models.ManyToManyField(Label)
    slug = models.SlugField(unique=True, null=True)
    gross = models.GeneratedField(
        expression=models.F("price") * 2, db_persist=True,
        output_field=models.DecimalField(max_digits=12, decimal_places=2))

    class Meta:
        db_table_comment = "what is sold"
        ordering = ["id"]
        indexes = [
            models.Index(Lower("name"), name="product_lower_name"),
            models.Index(fields=["-price", "name"], name="product_price",
                         condition=models.Q(active=True)),
            models.Index(fields=["category"], include=["name"], name="product_covering"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(price__gte=0), name="price_not_negative"),
            models.UniqueConstraint(fields=["name", "category"], name="name_in_category"),
            models.UniqueConstraint(Lower("name"), condition=models.Q(active=True),
                                    name="active_name"),
        ]


class Customer(models.Model):
    user = models.OneToOneField(User, models.CASCADE, null=True)
    email = models.EmailField(unique=True)
    since = models.DateTimeField(auto_now_add=True)


class Company(Customer):
    vat = models.CharField(max_length=20)


class Order(models.Model):
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    placed_on = models.DateField()
    version = models.PositiveIntegerField(default=1)


class Line(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.PROTECT)
    quantity = models.PositiveSmallIntegerField()
    price = models.DecimalField(max_digits=10, decimal_places=2)


class Thing(models.Model):
    """A field of each kind."""

    big = models.BigIntegerField(null=True)
    small = models.SmallIntegerField(null=True)
    exact = models.DecimalField(max_digits=30, decimal_places=5, null=True)
    double = models.FloatField(null=True)
    text = models.TextField(null=True)
    data = models.BinaryField(null=True)
    day = models.DateField(null=True)
    clock = models.TimeField(null=True)
    moment = models.DateTimeField(null=True)
    length = models.DurationField(null=True)
    flag = models.BooleanField(null=True)
    key = models.UUIDField(null=True)
    document = models.JSONField(null=True)
    numbers = ArrayField(models.IntegerField(), null=True)
    matrix = ArrayField(ArrayField(models.IntegerField()), null=True)
    address = models.GenericIPAddressField(null=True)
