"""Entry point of the command ``zoo``."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from zoo.errors import ZooDeprecationWarning, ZooError
from zoo.host.restarts import final_code, leave
from zoo.host.shutdown import end, end_imports_at_once
from zoo.reports.notices import deprecations_shown
from zoo.reports.terminal import guarded, is_terminal, torch_announced
from zoo.storage.text import clean_lines

if TYPE_CHECKING:
    import click


def main(argv: list[str] | None = None) -> int:
    """Run a command line and return its exit code: 0 done, 1 failed, 2 wrong request, 130 interrupted."""
    typed = sys.argv[1:] if argv is None else argv
    try:
        import click

        from zoo.commands import app
        from zoo.commands.arguments import obeying, take_flags
    except ModuleNotFoundError as error:
        if "--debug" in typed or not (package := _missing_dependency(error)):
            raise
        return _say(_advice(package), 1)

    words, flags = take_flags(typed)
    debug = "--debug" in flags
    try:
        with obeying(flags), guarded(), deprecations_shown(), torch_announced(silent=not _SILENT.isdisjoint(words)):
            code = app(args=words, prog_name="zoo", standalone_mode=False, obj=typed)
    except ZooError as error:
        if debug:
            raise
        if isinstance(error.__cause__, BrokenPipeError):
            _write_no_more()
        return _say(str(error), error.exit_code)
    except ZooDeprecationWarning as error:  # python -W error
        if debug:
            raise
        return _say(str(error), 2)
    except click.exceptions.NoArgsIsHelpError as error:
        sys.stderr.write(clean_lines(error.format_message()) + "\n")
        return 2
    except click.UsageError as error:
        return _say(_sentence(error), 2)
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted.", 130)
    except BrokenPipeError:  # `zoo list | head`: the reader has enough
        _write_no_more()
        return 0
    except BaseException as error:
        if not debug and (package := _missing_dependency(error)):
            return _say(_advice(package), 1)
        from zoo.host.failures import describe_failure

        known = None if debug else describe_failure(error)
        if debug or (known is None and not isinstance(error, Exception)):
            raise
        return _say(known or _defect(error), 1)
    return code if isinstance(code, int) else 0


_SILENT = {"--json", "--quiet", "-q"}
_PACKAGES = {"yaml": "pyyaml", "PIL": "pillow", "sklearn": "scikit-learn"}  # modules with another name


def _missing_dependency(error: BaseException) -> str | None:
    """The package of the zoo's own dependencies that an import lacked."""
    from importlib.metadata import PackageNotFoundError, requires

    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    module = error.name.partition(".")[0]
    package = _PACKAGES.get(module, module)
    try:
        required = [line for line in requires("visionzoo") or () if "extra ==" not in line]
    except PackageNotFoundError:  # a checkout that isn't installed
        return None
    return package if any(line.lower().startswith(package.lower()) for line in required) else None


def _advice(package: str) -> str:
    return f"The zoo needs {package}, which is not installed. Type: python -m pip install {package}"


def _defect(error: BaseException) -> str:
    return (
        f"unexpected {type(error).__name__}: {error}. This is a defect; type the command again with --debug for the "
        "traceback."
    )


def _sentence(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "zoo"
    return f"{error.format_message()} See: {path} --help"


def _write_no_more() -> None:
    """Redirect stdout to the null device, so that Python doesn't report a broken pipe at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(message: str, code: int) -> int:
    """Write an error message: laid out on a terminal, one paragraph elsewhere."""
    leave(code)
    text = clean_lines(message)
    if not (is_terminal(sys.stderr) and _laid_out(text, "yellow" if code == 130 else "red")):
        sys.stderr.write(f"zoo: {text}\n")
    return code


def _laid_out(text: str, style: str) -> bool:
    """Write an error message laid out for a terminal; False, and nothing written, without rich."""
    try:
        from zoo.reports.error_text import error_lines
        from zoo.reports.parts import new_console
    except ModuleNotFoundError:
        return False
    console = new_console(sys.stderr)
    for line in error_lines(text, console, style):
        console.print(line, no_wrap=True, overflow="ignore", crop=False)
    return True


def command() -> NoReturn:
    """Console script: run the command line, and exit without waiting for plugins."""
    # Imports create long-lived objects, a million with torch: the default collection after every 700 allocations would
    # take 20 ms of every command, and 200 ms of a run.
    gc.set_threshold(200_000)
    end_imports_at_once()
    if (code := final_code()) is not None:
        leave(code)
        end(code)
    end(_completed() if "_ZOO_COMPLETE" in os.environ else main())


def _completed() -> int:
    """Answer a completion request of the shell, silently, in place of click."""
    from zoo.commands import app
    from zoo.commands.completing import answer

    return answer(app)


def run_command() -> NoReturn:
    """Console script ``zoo-run``: ``zoo run`` as one program, for launchers such as torchrun and srun."""
    sys.argv.insert(1, "run")
    command()


if __name__ == "__main__":
    command()
