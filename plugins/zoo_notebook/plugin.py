"""The contributions of the plugin ``notebook``."""

from __future__ import annotations

from zoo.plugin import Display, Function, hookimpl


@hookimpl
def zoo_functions() -> list[Function]:
    """``zoo.evaluate``, ``zoo.compare`` and ``zoo.result``."""
    module = "zoo_notebook.functions"
    return [
        Function("evaluate", f"{module}:evaluate", summary="Evaluate a trained model on its own or other images"),
        Function("compare", f"{module}:compare", summary="Compare runs image by image, with tests of significance"),
        Function("result", f"{module}:result", summary="Read the result of an earlier run"),
    ]


@hookimpl
def zoo_displays() -> list[Display]:
    """Runs and results in Jupyter, JupyterLab, VS Code and Colab."""
    return [Display("notebook", "zoo_notebook.display:NotebookDisplay", summary="Runs and results in notebooks")]
