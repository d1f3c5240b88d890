"""Commands whose help lists the options in sections, each option with its default."""

from __future__ import annotations

from typing import Any

import click

FIRST = "Options"
"""Section of options without a section of their own, listed first."""
_WIDEST = 30
"""Width of the widest column of names, as in click."""


class SectionOption(click.Option):
    """An option of a section of the help.

    Args:
        section: heading of the section.
        default_text: the default in the help, where the default of the option is not the effective one.
    """

    def __init__(self, *args: Any, section: str = FIRST, default_text: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section
        self.default_text = default_text

    def get_help_extra(self, ctx: click.Context) -> Any:
        extra = super().get_help_extra(ctx)
        if self.default_text:
            extra["default"] = self.default_text
        return extra


class SectionCommand(click.Command):
    """A command whose help lists the options by section, in the order in which the sections first occur."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options with their names in one column throughout."""
        sections: dict[str, list[tuple[str, str]]] = {FIRST: []}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                sections.setdefault(getattr(parameter, "section", FIRST), []).append(record)
        width = min(max((len(name) for rows in sections.values() for name, _ in rows), default=0), _WIDEST)
        for title, rows in sections.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(width), text) for name, text in rows])
