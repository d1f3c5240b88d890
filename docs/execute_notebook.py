"""The notebook of the book: executed, and written back with what its cells show.

python docs/execute_notebook.py   execute docs/notebook.ipynb in an empty folder, and keep the outputs in it

``tests/test_notebook.py`` executes it in the same way. Needs the extra ``test``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).resolve().parent / "notebook.ipynb"
LIMIT_S = 300  # for one cell


def execute(folder: Path, watch: Callable[[dict[str, Any]], None] | None = None, notebook: Any = None) -> Any:
    """Execute the notebook in a folder, in a kernel of this Python.

    Args:
        folder: working folder of the kernel.
        watch: gets every message of the kernel, also those that change an earlier output.
        notebook: another notebook, as nbformat reads it.

    Returns:
        The notebook with its outputs.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell has failed.
    """
    import nbformat
    from nbclient import NotebookClient

    class Client(NotebookClient):
        def process_message(self, message: dict[str, Any], *rest: Any) -> Any:
            if watch is not None:
                watch(message)
            return super().process_message(message, *rest)

    chosen = nbformat.read(NOTEBOOK, as_version=4) if notebook is None else notebook
    client = Client(chosen, timeout=LIMIT_S, kernel_name="python3", record_timing=False)
    client.resources["metadata"] = {"path": str(folder)}
    client.km = _kernel(client)
    return client.execute()


def _kernel(client: Any) -> Any:
    """A kernel of the Python that runs this, whichever kernels are installed."""
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    manager = AsyncKernelManager(config=client.config)
    words = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=words, language="python", display_name="Python 3")
    return manager


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        executed = execute(Path(folder))
    for cell in executed.cells:
        cell.metadata.clear()
    executed.metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    NOTEBOOK.write_text(json.dumps(executed, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
    sys.stdout.write(f"{NOTEBOOK}: {NOTEBOOK.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
