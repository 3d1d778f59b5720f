"""The command line: arguments and drawing. The only part that prints."""
