"""Adapter: where accounts differ from what allauth does by itself."""

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth import get_user_model
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.http import HttpRequest

from medarchive.web.accounts.record import Actor
from medarchive.web.gate import origin

__all__ = ["Adapter"]

_log = logging.getLogger(__name__)
_NOT_CORRECT = "The user name or e-mail address, or the password, is not correct."
_postman = ThreadPoolExecutor(1, "mail")


class Adapter(DefaultAccountAdapter):
    """Failed logins count by account, whatever it was called by; they are recorded; nobody waits for mail."""

    error_messages: ClassVar = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _NOT_CORRECT,
        "email_password_mismatch": _NOT_CORRECT,
    }

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Count an attempt.

        Raises:
            ValidationError: too many have failed.
        """
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            self._note(request, credentials, "refused", "locked out after failed attempts")
            raise

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Record it."""
        self._note(request, credentials, "failed", "user name, e-mail address or password")

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send behind the answer: how long that takes must not tell whether there is such an account."""
        given = {"request": self.request, "email": email, "current_site": get_current_site(self.request), **context}
        _postman.submit(_send, self.render_mail(template_prefix, email, given))

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:  # noqa: ARG002  # allauth's
        user = _called(credentials)
        return f"account {user.pk}" if user else f"nobody {_typed(credentials)}"

    @staticmethod
    def _note(request: HttpRequest, credentials: dict[str, Any], outcome: Any, detail: str) -> None:
        # a name that no account has is not kept: it may be a password in the wrong field
        user = _called(credentials)
        Actor(user.username if user else "", origin(request)).note(
            "login", user.username if user else "", outcome, detail if user else f"{detail}; no such account"
        )


def _typed(credentials: dict[str, Any]) -> str:
    # as allauth compares: databases know fewer capital letters, and what they took for nobody would count elsewhere
    return str(credentials.get("email") or credentials.get("username") or "").lower()


def _called(credentials: dict[str, Any]) -> Any:
    return get_user_model().objects.called(_typed(credentials))


def _send(message: EmailMessage) -> None:
    try:
        message.send()
    except Exception as error:  # noqa: BLE001  # nobody asks the thread what became of it
        _log.warning("mail could not be sent: %s", error)
