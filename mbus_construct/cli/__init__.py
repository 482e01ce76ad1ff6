"""The command line `mbus`: `commands/` has one module a command, the modules here are what they share.

Exit codes: 0 clean; 1 decoded with errors, or the bus failed or has findings; 2 usage, or a file that cannot
be read or written; 130 Ctrl-C. Errors are one line that says what to do; no traceback reaches a user.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import Annotated, Any, Final

import typer

from mbus_grammars import MBusError

from .._version import __version__
from .commands import (
    alarm,
    build,
    convert,
    decode,
    doctor,
    explain,
    ping,
    read,
    record,
    replay,
    reset,
    scan,
    schema,
    search,
    select,
    send,
    set_address,
    set_baudrate,
    set_clock,
    set_identification,
    simulate,
    write,
)
from .keys import without_digits, without_keys
from .line import ENVIRONMENT

# typer carries click within itself; this is the base of its usage errors, whichever click that is.
UsageError: Any = typer.BadParameter.__base__

_HELP: Final = (
    "Read, search and configure the meters of an M-Bus; decode, explain and build telegrams (EN 13757)."
)

# What typer says of values, and what we do.
_WORDS: Final = (
    ("Value error, ", ""),
    ("Input should be a valid integer, unable to parse string as an integer", "give a whole number"),
    ("Input should be a valid number, unable to parse string as a number", "give a number"),
    ("Input should be greater than or equal to", "the least is"),
    ("Input should be less than or equal to", "the most is"),
)

app = typer.Typer(
    name="mbus",
    help=_HELP,
    add_completion=False,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: Final[dict[str, dict[str, Any]]] = {
    "Telegrams": {
        "decode": decode.command,
        "explain": explain.command,
        "build": build.command,
        "schema": schema.command,
    },
    "Archives": {"convert": convert.command},
    "Bus": {
        "scan": scan.command,
        "search": search.command,
        "read": read.command,
        "ping": ping.command,
        "alarm": alarm.command,
        "send": send.command,
        "record": record.command,
        "replay": replay.command,
        "doctor": doctor.command,
    },
    "Configuration": {
        "set-address": set_address.command,
        "set-identification": set_identification.command,
        "set-baudrate": set_baudrate.command,
        "set-clock": set_clock.command,
        "reset": reset.command,
        "select": select.command,
        "write": write.command,
    },
    "Simulation": {"simulate": simulate.command},
}
for _panel, _commands in _COMMANDS.items():
    for _name, _command in _commands.items():
        app.command(_name, rich_help_panel=_panel)(_command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mbus-construct {__version__}")
        raise typer.Exit


@app.callback(help=_HELP)
def options(
    context: typer.Context,
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options of every command."""
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
        fail(_usage(error))
    except BrokenPipeError:  # the reader had enough: `mbus decode ... | head`
        _give_up_output()
        sys.exit(1)  # as typer does where it meets the pipe first
    except MBusError as error:
        fail(str(error))
    except OSError as error:
        _give_up_output()
        where = error.filename or "standard output"  # all files that are named have their names in errors
        fail(f"{where}: {error.strerror or error}")
    except ValueError as error:
        fail(str(error))
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except Exception as error:
        if os.environ.get("MBUS_DEBUG"):
            raise
        fail(f"internal error, please report it with the command: {type(error).__name__}: {error}")


def _give_up_output() -> None:
    """Let nothing that is left for standard output fail once more at the end."""
    with suppress(OSError):
        sys.stdout.flush()
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _usage(error: Any) -> str:
    """What was typed wrongly, and where to look."""
    message = without_keys(error.format_message(), sys.argv).rstrip(".").removeprefix("Invalid value: ")
    for theirs, ours in _WORDS:
        message = message.replace(theirs, ours)
    if "Missing argument 'PORT'" in message:
        message += '; "sim:" is a simulated bus that needs no hardware'
    elif "Missing argument" in message and os.environ.get(ENVIRONMENT):
        message += f"; PORT has to be given here, {ENVIRONMENT} is not used"
    if error.ctx is not None:
        command = error.ctx.command_path
    else:  # a command found it out itself
        names = {name for commands in _COMMANDS.values() for name in commands}
        command = " ".join(["mbus", *(name for name in sys.argv[1:2] if name in names)])
    return f"{message}; see {command} --help"


def fail(message: str) -> None:
    """Say what is wrong in one line, with no digits that may be a key, and end with exit code 2."""
    typer.echo("mbus: " + without_digits(" ".join(message.split()), sys.argv[1:]), err=True)
    sys.exit(2)
