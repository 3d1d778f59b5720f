"""Classifier: trains the networks of ``medarchive.insight`` and exports them. Needs the extra ``neural``."""
