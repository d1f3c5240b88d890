"""Where the display of notebooks is active, and what it shows."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

import zoo
from zoo_notebook import display
from zoo_notebook.display import NotebookDisplay
from zoo_notebook.observer import NotebookObserver


def pretend(monkeypatch: pytest.MonkeyPatch, shell: object) -> None:
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


@pytest.mark.parametrize(
    ("shell", "active"),
    [(None, False), (SimpleNamespace(), False), (SimpleNamespace(kernel=object()), True)],
    ids=["script", "terminal", "kernel"],
)
def test_it_is_active_in_a_kernel_only(monkeypatch: pytest.MonkeyPatch, shell: object, active: bool):
    pretend(monkeypatch, shell)
    assert NotebookDisplay().active() is active


def test_without_ipython_it_is_not_active(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not NotebookDisplay().active()
    assert "IPython" not in sys.modules


def test_in_a_kernel_show_displays_html(trained, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    shown: list[str] = []
    pretend(monkeypatch, SimpleNamespace(kernel=object()))
    monkeypatch.setattr(display, "show_html", shown.append)
    trained[0].show()
    assert shown == [trained[0]._repr_html_()]
    monkeypatch.setattr("zoo_notebook.comparison.show_html", shown.append)
    found = zoo.compare(*trained)
    found.show()
    assert shown[1] == found._repr_html_()
    assert capsys.readouterr().out == ""


def test_its_observer_is_the_live_one():
    assert isinstance(NotebookDisplay().observer(), NotebookObserver)
