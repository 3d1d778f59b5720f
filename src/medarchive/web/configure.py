"""Configure: Django's settings, made from ours. Done once, before anything of Django is used."""

import contextlib
import os
import secrets
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import django
from django.conf import settings as django_settings

from medarchive.errors import SettingsError
from medarchive.settings import Settings

__all__ = ["configure", "database", "secret"]

_HERE = Path(__file__).parent
_ENGINES = {
    "postgresql": ("django.db.backends.postgresql", 5432, "psycopg", "postgres"),
    "mysql": ("django.db.backends.mysql", 3306, "MySQLdb", "mysql"),
}


def configure(settings: Settings) -> None:
    """Give Django its settings and load its applications. The folder of the archive exists.

    Raises:
        SettingsError: ``accounts`` or ``smtp`` is no address that can be used.
    """
    if django_settings.configured:
        return
    prefix = settings.web_prefix
    secure = bool(settings.web_certificate)
    django_settings.configure(
        SECRET_KEY=secret(settings.archive),
        ALLOWED_HOSTS=["localhost", "127.0.0.1", "[::1]", settings.web_host, *settings.web_hosts],
        ROOT_URLCONF="medarchive.web.urls",
        FORCE_SCRIPT_NAME=prefix or None,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "allauth",
            "allauth.account",
            "allauth.mfa",
            "medarchive.web.accounts",
            "medarchive.web",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "medarchive.web.gate.Gate",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                        "medarchive.web.pages.context.context",
                    ]
                },
            }
        ],
        DATABASES={"default": database(settings)},
        CACHES={"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        AUTH_USER_MODEL="accounts.User",
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        AUTH_PASSWORD_VALIDATORS=[
            {"NAME": f"django.contrib.auth.password_validation.{name}", **options}
            for name, options in (
                ("UserAttributeSimilarityValidator", {}),
                ("MinimumLengthValidator", {"OPTIONS": {"min_length": 12}}),
                ("CommonPasswordValidator", {}),
                ("NumericPasswordValidator", {}),
            )
        ],
        LOGIN_URL="account_login",
        LOGIN_REDIRECT_URL="worklist",
        STATIC_URL=f"{prefix}/static/",
        STORAGES={
            "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
            "staticfiles": {"BACKEND": "medarchive.web.front.static.Versioned"},
        },
        FILE_UPLOAD_HANDLERS=["medarchive.web.front.uploads.Uploads"],
        DATA_UPLOAD_MAX_NUMBER_FILES=10_000,
        USE_TZ=True,
        SESSION_COOKIE_AGE=int(settings.web_session),
        SESSION_SAVE_EVERY_REQUEST=True,
        SESSION_COOKIE_NAME="medarchive",
        SESSION_COOKIE_PATH=prefix or "/",
        CSRF_COOKIE_PATH=prefix or "/",
        SESSION_COOKIE_SECURE=secure,
        CSRF_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SECURE_HSTS_SECONDS=31_536_000 if secure else 0,
        SECURE_CONTENT_TYPE_NOSNIFF=True,
        SECURE_REFERRER_POLICY="same-origin",
        X_FRAME_OPTIONS="DENY",
        LOGGING_CONFIG=None,
        MEDARCHIVE=settings,
    )
    django.setup()


def database(settings: Settings) -> dict[str, Any]:
    """Django's description of where accounts are kept.

    Raises:
        SettingsError: an address of another kind, or whose driver is not installed.
    """
    if not settings.accounts:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(settings.archive.absolute() / "accounts.sqlite"),
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": settings.busy_timeout},
        }
    address = urlsplit(settings.accounts)
    if address.scheme not in _ENGINES or not address.path.strip("/"):
        raise SettingsError(
            "accounts: expected postgresql://USER:PASSWORD@HOST:PORT/NAME or mysql://… of the same form"
        )
    engine, port, module, extra = _ENGINES[address.scheme]
    if find_spec(module) is None:
        raise SettingsError(f"accounts: {address.scheme} needs a driver: pip install 'medarchive[{extra}]'")
    return {
        "ENGINE": engine,
        "NAME": unquote(address.path.strip("/")),
        "USER": unquote(address.username or ""),
        "PASSWORD": unquote(address.password or ""),
        "HOST": address.hostname or "",
        "PORT": str(address.port or port),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }


def secret(folder: Path) -> str:
    """The key that signs sessions: made once for an archive, readable by its owner alone."""
    file = folder / "web-secret"
    if not file.exists():
        with tempfile.NamedTemporaryFile("w", dir=folder, prefix="web-secret.") as new:
            new.write(secrets.token_urlsafe(64))
            new.flush()
            with contextlib.suppress(FileExistsError):  # another process was quicker
                os.link(new.name, file)
    return file.read_text().strip()
