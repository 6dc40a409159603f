"""What the component does about exceptions and imports, which needs no bindings."""

import linecache
import sys
import traceback
from importlib.machinery import PathFinder
from types import TracebackType

import pytest

from noetl_tool_sdk import Code
from noetl_tool_sdk.component import failure, snapshot

SOURCE = """
def outer():
    try:
        inner()
    except KeyError as error:
        raise ValueError("boom") from error

def inner():
    raise KeyError("first")
"""


def raised() -> ValueError:
    """Returns the exception of a module in a folder of a component."""
    namespace: dict[str, object] = {}
    exec(compile(SOURCE, "/0/package/tool.py", "exec"), namespace)
    with pytest.raises(ValueError, match="boom") as caught:
        eval("outer()", namespace)
    return caught.value


def test_an_uncaught_exception_is_an_error_with_its_name_text_and_place() -> None:
    error = failure.uncaught(raised())
    assert error.code == Code.UNCAUGHT_EXCEPTION
    assert error.message == "ValueError: boom"
    assert error.details == {"location": "package/tool.py:6"}
    assert not error.retryable


def test_an_exception_without_a_text_is_its_name() -> None:
    error = failure.uncaught(NotImplementedError())
    assert (error.message, error.details) == ("NotImplementedError", {})


def test_an_exception_whose_text_fails_is_named() -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert failure.uncaught(OddError()).message == "OddError: its text cannot be shown"


def test_a_long_text_is_cut() -> None:
    message = failure.uncaught(ValueError("x" * 100_000)).message
    assert len(message) == failure.MAX_MESSAGE_CHARACTERS + 1
    assert message.endswith("…")


def test_a_traceback_has_its_causes_with_the_lines_that_are_kept(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = SOURCE.splitlines(keepends=True)
    monkeypatch.setitem(linecache.cache, "/0/package/tool.py", (len(SOURCE), None, lines, "/0/package/tool.py"))
    failure.report(raised())
    written = capsys.readouterr().err
    assert (
        written.index("KeyError: 'first'\n") < written.index("the direct cause") < written.index("ValueError: boom\n")
    )
    assert '  File "/0/package/tool.py", line 9, in inner\n    raise KeyError("first")\n' in written


def test_sources_are_kept_and_never_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "STANDARD_LIBRARY", traceback.__file__)
    with monkeypatch.context() as patched:
        patched.setattr(linecache, "cache", {})
        snapshot.keep_sources()
        patched.setattr(linecache, "updatecache", lambda *_: ["read again"])
        linecache.checkcache()
        first = [linecache.getline(str(module.__file__), 1) for module in (snapshot, traceback)]
    assert first == [
        '"""What a component keeps from the time when it was built, since it has no files afterwards."""\n',
        "",
    ]


def test_an_import_of_what_the_component_lacks_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.delitem(sys.modules, "this", raising=False)
    snapshot.refuse_late_imports()
    snapshot.refuse_late_imports()
    assert PathFinder not in sys.meta_path
    with pytest.raises(ModuleNotFoundError, match="cannot import `this`: import it at the top level") as caught:
        __import__("this")
    assert caught.value.name == "this"
    assert isinstance(caught.value.__traceback__, TracebackType)
    assert __import__("sys") is sys
