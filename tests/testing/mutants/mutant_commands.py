"""Good commands, and commands with one mistake each."""

import click


@click.command()
@click.option("--width", default=3, help="Width of a leaf in mm.")
@click.option("--seed", hidden=True)
def good(width: int, seed: str) -> None:
    """Press a leaf."""


@click.group()
def group() -> None:
    """Press and sort leaves."""


group.add_command(good)


def function(arguments: list[str]) -> int:
    """Do nothing."""
    return 0


class FailsAtHelp(click.Command):
    """A command whose help needs a package that is missing."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Fail."""
        raise ModuleNotFoundError("No module named 'leaves'")


@click.command(cls=FailsAtHelp)
def fails_at_help() -> None:
    """Press a leaf."""


@click.command(help="")
def no_summary() -> None:
    """Press a leaf, without a word in the help."""


@click.group()
def group_with_bad_help() -> None:
    """Press and sort leaves."""


group_with_bad_help.add_command(no_summary)


@click.command()
@click.option("--width", default=3)
def bare_option(width: int) -> None:
    """Press a leaf."""
