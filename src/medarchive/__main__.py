"""``python -m medarchive``: the command line."""

from medarchive.cli.main import main

if __name__ == "__main__":
    main()
