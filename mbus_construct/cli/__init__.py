"""The command line `mbus`: one module a command.

Exit codes: 0 clean, 1 decoded with errors, 2 usage or unreadable. Errors are one line that says what to do;
no traceback reaches a user.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

from mbus_grammars import MBusError

from .._version import __version__
from . import build, decode, explain, schema

# typer carries click within itself; this is the base of its usage errors, whichever click that is.
UsageError: Any = typer.BadParameter.__base__

app = typer.Typer(
    name="mbus",
    help="Read, explain and build M-Bus telegrams (EN 13757).",
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("decode")(decode.command)
app.command("explain")(explain.command)
app.command("build")(build.command)
app.command("schema")(schema.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mbus-construct {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Read, explain and build M-Bus telegrams (EN 13757)."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


def main() -> None:
    """Run the command line; every failure ends in one line and an exit code."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # rather than fail on a terminal without "³"
    try:
        code = app(standalone_mode=False) or 0
        sys.stdout.flush()  # here, where a broken pipe can still be told from a fault
        sys.exit(code)
    except UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "mbus"
        message = error.format_message().rstrip(".").replace("Value error, ", "")
        fail(f"{message}; see {command} --help")
    except BrokenPipeError:  # the reader had enough: `mbus decode ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)  # as typer does where it meets the pipe first
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error))
    except (MBusError, ValueError) as error:
        fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MBUS_DEBUG"):
            raise
        fail(f"internal error, please report it with the command: {type(error).__name__}: {error}")


def fail(message: str) -> None:
    """Say what is wrong in one line and end with exit code 2."""
    typer.echo("mbus: " + " ".join(message.split()), err=True)
    sys.exit(2)
