"""`page4d-server weights`: which weights there are, and how they get here."""

import typer
from rich.console import Console
from rich.table import Table

from model_server.clear_exit import clear_exit
from model_server.engines.page4d.weights.installed import installed_weights, weights_folder
from model_server.engines.page4d.weights.known import KNOWN

app = typer.Typer(help="Weights of the network PAGE-4D: list, download, check.", no_args_is_help=True)


@app.command("list")
def list_weights() -> None:
    """Show the weights that can be installed, and which are."""
    with clear_exit():
        here = {weights.name for weights in installed_weights()}
        table = Table("name", "installed", "license", "what", box=None)
        for known in KNOWN:
            table.add_row(known.name, "yes" if known.name in here else "no", known.license.name, known.about)
        console = Console()
        console.print(table)
        console.print(f"in {weights_folder()}", soft_wrap=True)
