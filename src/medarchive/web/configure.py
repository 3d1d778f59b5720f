"""Configure: Django's settings, made from ours. Done once, before anything of Django is used."""

import contextlib
import importlib
import os
import secrets
import tempfile
import zoneinfo
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import django
from django.conf import settings as django_settings

from medarchive.errors import SettingsError
from medarchive.settings import Settings
from medarchive.web.accounts.options import options
from medarchive.web.address import Address

__all__ = ["configure", "database", "secret", "zone"]

_HERE = Path(__file__).parent
_ENGINES = {
    "postgresql": ("django.db.backends.postgresql", 5432, "psycopg", "postgres"),
    "mysql": ("django.db.backends.mysql", 3306, "pymysql", "mysql"),
}
_SQLITE = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL"
"""A page that notes that somebody is still there waits for no disk; a loss of power may cost the newest of that."""
_OPTIONS: dict[str, dict[str, Any]] = {
    "postgresql": {"pool": {"min_size": 1, "max_size": 16}},  # a request's thread lives no longer than it
    "mysql": {"charset": "utf8mb4", "init_command": "SET sql_mode = 'STRICT_TRANS_TABLES'"},
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
            "medarchive.web.accounts",  # before allauth: its templates go first
            "medarchive.web",
            "allauth",
            "allauth.account",
            "allauth.mfa",
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "medarchive.web.accounts.sessions.SecureCookies",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "medarchive.web.accounts.sessions.Idle",
            "django.middleware.common.CommonMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "medarchive.web.accounts.bearer.Bearer",
            "medarchive.web.gate.Gate",
            "medarchive.web.failures.Failures",
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
        CACHES={
            "default": {
                "BACKEND": "django.core.cache.backends.db.DatabaseCache",
                "LOCATION": "cache",
                "OPTIONS": {"MAX_ENTRIES": 100_000},  # counts of failed logins must not be pushed out by others
            }
        },
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
        TIME_ZONE=zone(),
        SESSION_COOKIE_NAME="medarchive",
        SESSION_COOKIE_PATH=prefix or "/",
        CSRF_COOKIE_PATH=prefix or "/",
        SECURE_HSTS_SECONDS=31_536_000 if secure else 0,
        SECURE_CONTENT_TYPE_NOSNIFF=True,
        SECURE_REFERRER_POLICY="same-origin",
        X_FRAME_OPTIONS="DENY",
        LOGGING_CONFIG=None,
        MEDARCHIVE=settings,
        **options(settings),
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
            "CONN_MAX_AGE": None,
            "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": settings.busy_timeout, "init_command": _SQLITE},
        }
    try:
        address = Address.parse(settings.accounts)
        if address.scheme not in _ENGINES or not address.name:
            raise ValueError(address.scheme)
    except ValueError as error:
        raise SettingsError(
            "accounts: expected postgresql://USER:PASSWORD@HOST:PORT/NAME or mysql://… of the same form"
        ) from error
    engine, port, module, extra = _ENGINES[address.scheme]
    if find_spec(module) is None:
        raise SettingsError(f"accounts: {address.scheme} needs a driver: pip install 'medarchive[{extra}]'")
    if module == "pymysql":
        importlib.import_module(module).install_as_MySQLdb()  # the name under which Django looks for it
    return {
        "ENGINE": engine,
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": address.host,
        "PORT": str(address.port or port),
        "OPTIONS": _OPTIONS[address.scheme],
    }


def zone(localtime: Path = Path("/etc/localtime")) -> str:
    """The name of this machine's time zone, by which pages show times; Django makes the process keep to it."""
    for name in (os.environ.get("TZ", ""), str(localtime.resolve()).partition("zoneinfo/")[2]):
        with contextlib.suppress(ValueError, zoneinfo.ZoneInfoNotFoundError):
            return zoneinfo.ZoneInfo(name.removeprefix(":")).key
    return "UTC"


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
