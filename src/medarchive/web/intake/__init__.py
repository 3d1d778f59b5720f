"""Intake: what comes in over the web, by STOW-RS or by the upload page, on its way into the archive."""
