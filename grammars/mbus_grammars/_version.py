"""The version, read by the build; mbus-construct needs the same one."""

__version__ = "0.1.0"
