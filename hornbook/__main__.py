"""`python -m hornbook` is `hornbook`."""

from hornbook.cli import main

if __name__ == "__main__":
    main()
