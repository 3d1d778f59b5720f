"""What is kept of accounts: roles, departments, shared studies, API tokens."""

import hashlib
import secrets
from datetime import datetime, timedelta
from functools import cache
from typing import Self

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import connection, models
from django.utils import timezone
from django.utils.crypto import salted_hmac

from medarchive.dicom.query import Scope

__all__ = ["Department", "SharedStudy", "Token", "User"]

_ROLES = [(role, role) for role in ("viewer", "clinician", "archivist", "administrator")]
_SEES = [("all", "all studies"), ("departments", "studies of its departments"), ("shared", "shared studies alone")]
_USED_STEP = timedelta(minutes=1)
_NAME = RegexValidator(r"^[\w.+-]+\Z", "A user name has letters, digits and the signs . + - _ alone.")


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
        if user.is_active and user.approved_at is None:
            user.approved_at = timezone.now()
        user.set_password(password)
        user.save(using=self._db)
        return user

    def called(self, text: str) -> "User | None":
        """The account with a user name or e-mail address, in whatever case; names hold no @."""
        field = "email__iexact" if "@" in text else "username__iexact"
        return self.filter(**{field: text}).first()


class User(AbstractBaseUser):
    """An account. Until an administrator approves it, ``is_active`` is false and nobody can log in to it."""

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ("email",)

    username = models.CharField(max_length=64, unique=True, validators=[_NAME])
    email = models.EmailField(unique=True)
    role = models.CharField(max_length=16, choices=_ROLES, default="viewer")
    role_asked = models.CharField(max_length=16, choices=_ROLES, default="viewer")
    sees = models.CharField(max_length=16, choices=_SEES, default="shared")
    departments = models.ManyToManyField(Department, blank=True)
    is_active = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    approved_at = models.DateTimeField(null=True, blank=True)

    objects = Users()

    def __str__(self) -> str:
        return str(self.username)

    @property
    def state(self) -> str:
        """``waits for approval``, ``active`` or ``deactivated``."""
        if self.is_active:
            return "active"
        return "deactivated" if self.approved_at else "waits for approval"

    def get_session_auth_hash(self) -> str:
        """What a session has to know to stay: another password, or a new start after an end, leaves it behind."""
        return salted_hmac("medarchive session", f"{self.password} {self.approved_at}", algorithm="sha256").hexdigest()

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

    @classmethod
    def of(cls, text: str) -> Self | None:
        """The token with a text, where it and its account are good for use now."""
        token = _known(cls.hashed(text))
        return token if token is not None and token.state == "in use" and token.user.is_active else None

    @property
    def state(self) -> str:
        """``in use``, ``revoked`` or ``expired``."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at and self.expires_at <= timezone.now() else "in use"

    def used(self, now: datetime) -> None:
        """Note that it was used; written once a minute at most, so that a request costs no write."""
        if self.last_used_at is None or now - self.last_used_at >= _USED_STEP:
            type(self).objects.filter(pk=self.pk).update(last_used_at=now)


_MOST = 1000
_made: dict[tuple[object, ...], Token] = {}
"""Tokens with their accounts, by the rows that they were made of."""


def _known(digest: str) -> Token | None:
    """The token of a digest. The database is asked each time; what did not change there is not made anew."""
    row = _row(digest)
    known = _made.get(row) if row else None
    if row is None or known is not None:
        return known
    token = Token.objects.select_related("user").filter(digest=digest).first()
    if token is not None and row == _row(digest):  # made of this row and no other
        if len(_made) >= _MOST:
            _made.clear()
        _made[row] = token
    return token


def _row(digest: str) -> tuple[object, ...] | None:
    """All that is kept of a token and its account."""
    with connection.cursor() as cursor:
        cursor.execute(_sql(), (digest,))
        row: tuple[object, ...] | None = cursor.fetchone()
    return row


@cache
def _sql() -> str:
    """What Django takes longer to write than the database to answer."""
    return str(Token.objects.select_related("user").filter(digest="").query.sql_with_params()[0])
