"""Options: what of Django's and allauth's settings is about accounts."""

from typing import Any

from medarchive.errors import SettingsError
from medarchive.settings import Settings
from medarchive.web.address import Address

__all__ = ["mail", "options"]

_HERE = "medarchive.web.accounts"
_DAY = 86_400
_PORTS = {"smtp": 25, "smtps": 465}


def options(settings: Settings) -> dict[str, Any]:
    """Django's settings for registration, login, second factor, sessions and mail.

    Raises:
        SettingsError: ``smtp`` is no address of a mail server.
    """
    secure = bool(settings.web_certificate)
    return {
        "ACCOUNT_ADAPTER": f"{_HERE}.adapter.Adapter",
        "ACCOUNT_FORMS": {"login": f"{_HERE}.forms.LoginForm", "signup": f"{_HERE}.forms.SignupForm"},
        "ACCOUNT_LOGIN_METHODS": {"username", "email"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "email*", "password1*", "password2*"],
        "ACCOUNT_EMAIL_VERIFICATION": "none",  # an administrator approves each account, and knows whose it is
        "ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS": False,
        "ACCOUNT_EMAIL_NOTIFICATIONS": bool(settings.smtp),
        "ACCOUNT_EMAIL_SUBJECT_PREFIX": "[medarchive] ",
        "ACCOUNT_DEFAULT_HTTP_PROTOCOL": "https" if secure else "http",
        "ACCOUNT_LOGOUT_REDIRECT_URL": "home",
        "ACCOUNT_SESSION_REMEMBER": False,
        "ACCOUNT_RATE_LIMITS": {
            "login": "60/m/ip",
            "login_failed": "20/5m/ip,5/15m/key",
            "signup": "30/h/ip",
            "reset_password": "20/h/ip,5/h/key",
            "reset_password_from_key": "20/m/ip",
        },
        "MFA_ADAPTER": f"{_HERE}.second_factor.Adapter",
        "MFA_SUPPORTED_TYPES": ["totp", "recovery_codes"],
        "MFA_ALLOW_UNVERIFIED_EMAIL": True,
        "MFA_TOTP_ISSUER": "medarchive",
        "MFA_TOTP_TOLERANCE": 1,
        "PASSWORD_RESET_TIMEOUT": _DAY,
        "SESSION_COOKIE_AGE": int(settings.web_session),
        "SESSION_STEP": min(60.0, settings.web_session / 10),  # how late the end of a session may be noticed
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "CSRF_COOKIE_SECURE": secure,
        **mail(settings),
    }


def mail(settings: Settings) -> dict[str, Any]:
    """Django's description of the mail server; without one, nothing is sent.

    Raises:
        SettingsError: an address of another kind.
    """
    if not settings.smtp:
        return {"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}
    try:
        address = Address.parse(settings.smtp)
        if address.scheme not in _PORTS or not address.host:
            raise ValueError(address.scheme)
    except ValueError as error:
        raise SettingsError("smtp: expected smtp://USER:PASSWORD@HOST:PORT or smtps://… of the same form") from error
    return {
        "EMAIL_HOST": address.host,
        "EMAIL_PORT": address.port or _PORTS[address.scheme],
        "EMAIL_HOST_USER": address.user,
        "EMAIL_HOST_PASSWORD": address.password,
        "EMAIL_USE_SSL": address.scheme == "smtps",
        "EMAIL_USE_TLS": address.scheme == "smtp"
        and bool(address.user),  # a password never goes over the network in clear
        "EMAIL_TIMEOUT": 20,
        "DEFAULT_FROM_EMAIL": settings.mail_from,
    }
