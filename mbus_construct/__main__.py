"""`python -m mbus_construct` is the command `mbus`."""

from .cli import main

if __name__ == "__main__":
    main()
