#!/usr/bin/env python3
"""Request the data of a meter that answers with several telegrams; see --help."""

import sys

from mbus_construct.cli.serial_tools import request_data_multi_reply

if __name__ == "__main__":
    sys.exit(request_data_multi_reply())
