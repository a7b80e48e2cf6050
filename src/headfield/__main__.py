"""``python -m headfield`` is the ``headfield`` command."""

from headfield.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
