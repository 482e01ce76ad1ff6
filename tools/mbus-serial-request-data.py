#!/usr/bin/env python3
"""Request the data of one meter; see --help."""

import sys

from mbus_construct.cli.serial_tools import request_data

if __name__ == "__main__":
    sys.exit(request_data())
