#!/usr/bin/env python3
"""Scan a bus by secondary address; see --help."""

import sys

from mbus_construct.cli.serial_tools import scan_secondary

if __name__ == "__main__":
    sys.exit(scan_secondary())
