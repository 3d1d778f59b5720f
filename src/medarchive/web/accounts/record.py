"""Record: what happens to accounts goes into the audit record."""

from dataclasses import dataclass
from typing import Any

from allauth.account import signals as account
from allauth.mfa import signals as mfa
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.models import Session
from django.http import HttpRequest
from django.utils import timezone

from medarchive.archive.audit import Action, Event, Face, Outcome
from medarchive.web import here
from medarchive.web.gate import origin

__all__ = ["Actor", "connect"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where."""

    who: str
    origin: str = ""
    face: Face = "web"

    @classmethod
    def of(cls, request: HttpRequest) -> "Actor":
        """Whoever a request comes from."""
        return cls(request.user.get_username() if request.user.is_authenticated else "", origin(request))

    def note(self, action: Action, thing: str = "", outcome: Outcome = "success", detail: str = "") -> None:
        """Add to the audit record; durable when this returns."""
        here.archive().audit.note(Event(action, self.who, self.origin, self.face, thing, outcome, detail))


def connect() -> None:
    """Have allauth's and Django's events recorded."""
    account.user_logged_in.connect(_logged_in, dispatch_uid="medarchive")
    user_logged_out.connect(_logged_out, dispatch_uid="medarchive")
    account.user_signed_up.connect(_signed_up, dispatch_uid="medarchive")
    account.password_changed.connect(_said("password changed"), weak=False, dispatch_uid="medarchive")
    account.password_reset.connect(_said("password reset"), weak=False, dispatch_uid="medarchive")
    mfa.authenticator_added.connect(_said("second factor added"), weak=False, dispatch_uid="medarchive")
    mfa.authenticator_removed.connect(_said("second factor removed"), weak=False, dispatch_uid="medarchive")
    mfa.authentication_failed.connect(_second_factor_failed, dispatch_uid="medarchive")


def _logged_in(request: HttpRequest, user: Any, **_: object) -> None:
    Session.objects.filter(expire_date__lt=timezone.now()).delete()  # those that nobody ended
    Actor(user.username, origin(request)).note("login", user.username)


def _logged_out(request: HttpRequest | None, user: Any, **_: object) -> None:
    if request is not None and user is not None:
        Actor(user.username, origin(request)).note("logout", user.username)


def _signed_up(request: HttpRequest, user: Any, **_: object) -> None:
    Actor(user.username, origin(request)).note("account", user.username, detail=f"asked for: {user.role_asked}")


def _said(detail: str) -> Any:
    def note(request: HttpRequest, user: Any, **_: object) -> None:
        Actor(user.username, origin(request)).note("account", user.username, detail=detail)

    return note


def _second_factor_failed(request: HttpRequest, user: Any, **_: object) -> None:
    Actor(user.username, origin(request)).note("login", user.username, "failed", "second factor")
