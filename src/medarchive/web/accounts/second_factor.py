"""Second factor: its secrets are kept encrypted, by a key that is not in the accounts' database."""

import base64
import hashlib

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings

__all__ = ["Adapter"]


class Adapter(DefaultMFAAdapter):
    """Encrypts what allauth keeps of a second factor."""

    def encrypt(self, text: str) -> str:
        """What is kept of a secret."""
        return _key().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """The secret."""
        return _key().decrypt(encrypted_text.encode()).decode()

    def get_totp_label(self, user: object) -> str:
        """What an authenticator shows: the user name."""
        return str(user)


def _key() -> Fernet:
    digest = hashlib.sha256(b"second factor" + settings.SECRET_KEY.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
