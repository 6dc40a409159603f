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


def test_an_exception_whose_text_fails_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    class OddError(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    failure.report(OddError())
    assert failure.uncaught(OddError()).message == "OddError: its text cannot be shown"
    assert capsys.readouterr().err.endswith("OddError: its text cannot be shown\n")


def test_a_long_chain_of_exceptions_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    error = ValueError("first")
    for number in range(10_000):
        following = ValueError(str(number))
        following.__cause__ = error
        error = following
    failure.report(error)
    assert capsys.readouterr().err.count("ValueError:") == failure.MAX_CHAIN


def test_a_long_text_is_cut() -> None:
    message = failure.uncaught(ValueError("x" * 100_000)).message
    assert len(message) == failure.MAX_MESSAGE_CHARACTERS + 1
    assert message.endswith("…")


def test_a_traceback_has_its_causes_and_reads_no_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(snapshot.sources, "/0/package/tool.py", SOURCE.splitlines(keepends=True))
    error = raised()
    read: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(linecache, "cache", {})
        patched.setattr(linecache, "updatecache", lambda *_: read.append("a source"))
        failure.report(error)
    assert read == []
    written = capsys.readouterr().err
    assert written.count("Traceback (most recent call last):") == 2
    first, second = written.split(failure._CAUSE)
    assert first.endswith("KeyError: 'first'\n")
    assert '  File "/0/package/tool.py", line 9, in inner\n    raise KeyError("first")\n' in first
    assert second.endswith("ValueError: boom\n")


def test_the_parts_of_a_group_are_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    error = ExceptionGroup("both", [ValueError("first"), TypeError("second")])
    error.add_note("a note")
    failure.report(error)
    written = capsys.readouterr().err
    assert "ExceptionGroup: both (2 sub-exceptions)\na note\n  | Traceback" in written
    assert written.endswith("  | TypeError: second\n")


def test_a_chain_of_exceptions_that_is_a_circle_ends(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    failure.report(first)
    assert capsys.readouterr().err.count("ValueError:") == 2


def test_sources_are_kept_and_never_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "sources", {})
    monkeypatch.setattr(snapshot, "STANDARD_LIBRARY", traceback.__file__)
    with monkeypatch.context() as patched:
        patched.setattr(linecache, "cache", {})
        snapshot.keep_sources()
        linecache.checkcache()
        cached = [linecache.getline(str(module.__file__), 1) for module in (snapshot, traceback)]
    assert cached == ["", ""]
    assert snapshot.source_line(snapshot.__file__, 1).startswith('"""What a component keeps')
    assert snapshot.source_line(snapshot.__file__, 10_000) == ""
    assert snapshot.source_line(traceback.__file__, 1) == ""


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
