"""Django's description of this application."""

from django.apps import AppConfig

__all__ = ["AccountsConfig"]


class AccountsConfig(AppConfig):
    """Accounts, departments, shares, tokens."""

    name = "medarchive.web.accounts"
    label = "accounts"

    def ready(self) -> None:
        """Django's hook: what happens to accounts is recorded from now on."""
        from medarchive.web.accounts.record import connect  # noqa: PLC0415  # models may be imported now, not before

        connect()
