"""Contributions of zoo-census."""

from zoo.plugin import Command, Display, Function, HealthCheck, hookimpl


@hookimpl
def zoo_commands():
    return [
        Command("census", "zoo_census.cli:census", summary="Count runs and their classes", heading="Inspect"),
        Command("roll-call", "zoo_census.cli:roll_call", summary="Print the names of the runs", tags=("shell",)),
        Command("owners", "zoo_census.cli:owners", summary="List components by distribution", group="plugins"),
    ]


@hookimpl
def zoo_health_checks():
    return [HealthCheck("census", "zoo_census.health:check", summary="All runs can be read")]


@hookimpl
def zoo_functions():
    return [Function("census", "zoo_census.rows:census", summary="List the runs of a folder as dictionaries")]


@hookimpl
def zoo_displays():
    return [Display("census_log", "zoo_census.show:LogDisplay", summary="Runs from Python as lines of a file")]
