#!/usr/bin/env python3
"""Scan a bus by primary address; see --help."""

import sys

from mbus_construct.cli.serial_tools import scan

if __name__ == "__main__":
    sys.exit(scan())
