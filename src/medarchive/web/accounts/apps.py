"""Django's description of this application."""

from django.apps import AppConfig

__all__ = ["AccountsConfig"]


class AccountsConfig(AppConfig):
    """Accounts, departments, shares, tokens."""

    name = "medarchive.web.accounts"
    label = "accounts"
