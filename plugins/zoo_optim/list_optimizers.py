"""Writes timm_optimizers.tsv from the installed timm: its descriptions of the optimizers in timm_optimizers.txt.

``python plugins/zoo_optim/list_optimizers.py``
"""

from __future__ import annotations

from pathlib import Path


def facts(names: list[str]) -> str:
    """Generate the text of timm_optimizers.tsv."""
    from timm.optim import get_optimizer_info

    texts = {name: get_optimizer_info(name).description.strip().rstrip(".") for name in names}
    return "name\tsummary\n" + "".join(f"{name}\t{text}\n" for name, text in texts.items() if text)


if __name__ == "__main__":
    here = Path(__file__).parent
    lines = (here / "timm_optimizers.txt").read_text("utf-8").splitlines()
    names = [name for line in lines if not line.startswith("#") for name in line.split()]
    (here / "timm_optimizers.tsv").write_text(facts(names), "utf-8")
