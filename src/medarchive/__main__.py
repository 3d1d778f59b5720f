"""``python -m medarchive`` is the command line."""

from medarchive.cli.main import main

if __name__ == "__main__":
    main()
