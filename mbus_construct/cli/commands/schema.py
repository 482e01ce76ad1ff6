"""`mbus schema`: the JSON Schema of what `mbus decode --format json` writes."""

from __future__ import annotations

import json

import typer

from ...model.schema import json_schema


def command() -> None:
    """Print the JSON Schema of a decoded telegram."""
    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))
