"""Accounts: who may come in, as what, and which studies each may see."""
