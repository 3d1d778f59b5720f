"""People: what administrators do with accounts, from the pages and from the command line alike."""

from collections.abc import Collection

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from medarchive.errors import AccountError, NotFound
from medarchive.web.accounts.models import Department, User
from medarchive.web.accounts.record import Actor

__all__ = ["activate", "add", "called", "deactivate", "forget_second_factor", "grant", "readdress", "reset_path"]

_STATE = ("is_active", "approved_at")


def called(name: str) -> User:
    """The account with a user name or e-mail address.

    Raises:
        NotFound: there is none.
    """
    user = User.objects.called(name)
    if user is None:
        raise NotFound(f"no account {name}; medarchive users list shows them")
    return user


def add(name: str, email: str, password: str, role: str, sees: str, by: Actor) -> User:
    """Make an account that is approved already.

    Raises:
        AccountError: the name or the address is taken or malformed, or the password is too weak.
    """
    user = User(username=name, email=email.lower(), role=role, role_asked=role, sees=sees, is_active=True)
    user.approved_at = timezone.now()
    if User.objects.called(name) is not None:
        raise AccountError(f"account {name}: there is one of this name")
    try:
        user.set_password(password)
        user.full_clean()
        validate_password(password, user)
        user.save()
    except ValidationError as error:
        raise AccountError(f"account {name}: {' '.join(error.messages)}") from error
    except IntegrityError as error:
        raise AccountError(f"account {name}: the name or e-mail address is taken") from error
    by.note("account", name, detail=f"added: {role}, sees {sees}")
    return user


def grant(user: User, role: str, sees: str, departments: Collection[Department], by: Actor) -> None:
    """Give an account a role and what it sees; approve it where that was still to be done.

    Raises:
        AccountError: it is the last administrator; or it would see departments, and there is none.
    """
    if sees == "departments" and not departments:
        raise AccountError(f"account {user.username}: choose at least one department for it to see")
    with transaction.atomic():
        if role != "administrator":
            _not_the_last(user)
        user.refresh_from_db(from_queryset=User.objects.select_for_update())  # it may have been ended meanwhile
        first = user.approved_at is None
        before = f"{user.role}, sees {user.sees}"
        user.role, user.sees = role, sees
        if first:
            user.is_active, user.approved_at = True, timezone.now()
        user.save(update_fields=["role", "sees", *_STATE])
        user.departments.set(departments)
    names = f" ({', '.join(sorted(each.name for each in departments))})" if sees == "departments" else ""
    now = f"{role}, sees {sees}{names}"
    by.note("account", user.username, detail=f"approved: {now}" if first else f"role: {before} -> {now}")


def deactivate(user: User, by: Actor) -> None:
    """End an account's use: its sessions and tokens work no more.

    Raises:
        AccountError: it is the last administrator.
    """
    with transaction.atomic():
        _not_the_last(user)
        user.is_active, user.approved_at = False, user.approved_at or timezone.now()
        user.save(update_fields=_STATE)
    by.note("account", user.username, detail="deactivated")


def activate(user: User, by: Actor) -> None:
    """Let a deactivated account be used again; sessions from before stay ended, tokens work again."""
    user.is_active, user.approved_at = True, timezone.now()
    user.save(update_fields=_STATE)
    by.note("account", user.username, detail="activated")


def forget_second_factor(user: User, by: Actor) -> None:
    """Remove an account's second factor, for somebody who has lost it."""
    Authenticator.objects.filter(user_id=user.pk).delete()
    by.note("account", user.username, detail="second factor removed")


def readdress(user: User, email: str, by: Actor) -> None:
    """Change an account's e-mail address.

    Raises:
        AccountError: another account has it.
    """
    try:
        with transaction.atomic():
            user.email = email.lower()
            user.save(update_fields=["email"])
            EmailAddress.objects.filter(user_id=user.pk).delete()  # allauth makes it anew
    except IntegrityError as error:
        raise AccountError(f"e-mail address {email}: another account has it") from error
    by.note("account", user.username, detail="e-mail address changed")


def reset_path(user: User, by: Actor) -> str:
    """The path of a page where a new password can be set: once, within a day, until the next login."""
    key = default_token_generator.make_token(user)
    by.note("account", user.username, detail="reset link issued")
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


def _not_the_last(user: User) -> None:
    all_of_them = User.objects.select_for_update().filter(role="administrator", is_active=True).order_by("pk")
    if [each.pk for each in all_of_them] == [user.pk]:
        raise AccountError(f"account {user.username}: the last administrator; make another one first")
