"""What is kept of accounts: roles, departments, shared studies, API tokens."""

import hashlib
import secrets
from typing import Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from medarchive.dicom.query import Scope

__all__ = ["Department", "SharedStudy", "Token", "User"]

_ROLES = [(role, role) for role in ("viewer", "clinician", "archivist", "administrator")]
_SEES = [("all", "all studies"), ("departments", "studies of its departments"), ("shared", "shared studies alone")]


class Department(models.Model):
    """A name for some sources: AE titles that push into the archive."""

    name = models.CharField(max_length=64, unique=True)
    ae_titles = models.TextField(blank=True, help_text="AE titles, separated by spaces or commas.")

    def __str__(self) -> str:
        return str(self.name)

    def sources(self) -> frozenset[str]:
        """Its AE titles."""
        return frozenset(str(self.ae_titles).replace(",", " ").split())


class Users(BaseUserManager):
    """Makes accounts."""

    def create_user(self, username: str, email: str = "", password: str | None = None, **fields: object) -> "User":
        """An account; without a password nobody can log in to it. It is not approved unless ``is_active`` says so."""
        user = self.model(username=username, email=self.normalize_email(email), **{"is_active": False, **fields})
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """An account. Until an administrator approves it, ``is_active`` is false and nobody can log in to it."""

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ("email",)

    username = models.CharField(max_length=64, unique=True)
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=16, choices=_ROLES, default="viewer")
    role_asked = models.CharField(max_length=16, choices=_ROLES, default="viewer")
    sees = models.CharField(max_length=16, choices=_SEES, default="shared")
    departments = models.ManyToManyField(Department, blank=True)
    is_active = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)

    objects = Users()

    def __str__(self) -> str:
        return str(self.username)

    def scope(self) -> Scope | None:
        """The studies that it may see; None: all."""
        if self.sees == "all":
            return None
        shared = frozenset(self.shared.values_list("study_uid", flat=True))
        if self.sees == "shared":
            return Scope(frozenset(), shared)
        return Scope(frozenset().union(*(each.sources() for each in self.departments.all())), shared)


class SharedStudy(models.Model):
    """A study that was shared with an account, or that it brought in itself."""

    user = models.ForeignKey(User, models.CASCADE, related_name="shared")
    study_uid = models.CharField(max_length=64)
    by = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "study_uid"), name="shared_once"),)


class Token(models.Model):
    """An API token. Its text is shown once; what is kept is its SHA-256."""

    user = models.ForeignKey(User, models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=64)
    scope = models.CharField(max_length=8, choices=[("read", "read"), ("write", "read and write")], default="read")
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    @classmethod
    def issue(cls, user: User, name: str, scope: str = "read", **fields: object) -> tuple[Self, str]:
        """A new token, and its text."""
        text = f"mda_{secrets.token_urlsafe(32)}"
        return cls.objects.create(user=user, name=name, scope=scope, digest=cls.hashed(text), **fields), text

    @staticmethod
    def hashed(text: str) -> str:
        """What is kept of a token's text: it is random and long enough that no salt is needed."""
        return hashlib.sha256(text.encode()).hexdigest()
