# Runs the code of a step. CODE, RESULT_MARK, FAILURE_MARK, MAX_RESULT_BYTES and MAX_DEPTH are defined above.
import atexit
import inspect
import json
import linecache
import os
import sys
import traceback
import types

# The name of the code in tracebacks and in the playbook.
FILE_NAME = "code"
MODULE_NAME = "__noetl_step__"
# Longer messages are only in the log.
MAX_MESSAGE_LENGTH = 1000


class StepResult(dict):
    """The result of a step, in which the step's own name refers to the result itself."""

    def __missing__(self, key):
        if key == dict.get(self, "step"):
            return self
        raise KeyError(key)

    def get(self, key, default=None):
        try:
            return self[key]
        except KeyError:
            return default


class Failure(Exception):
    """The reason why there is no result."""

    def __init__(self, reason, message, hint=None, field=None, exit_code=1):
        super().__init__(message)
        report = {"reason": reason, "message": message[:MAX_MESSAGE_LENGTH], "hint": hint, "field": field}
        self.report = {name: text for name, text in report.items() if text is not None}
        self.exit_code = exit_code


def read_arguments():
    with open(os.environ["NOETL_ARGS_FILE"], encoding="utf-8") as file:
        arguments = json.load(file)
    for name, value in arguments.items():
        if isinstance(value, dict) and {"step", "job_name", "status"} <= value.keys():
            arguments[name] = StepResult(value)
    return arguments


def load(arguments):
    # So that tracebacks show the lines of the code.
    linecache.cache[FILE_NAME] = (len(CODE), None, CODE.splitlines(True), FILE_NAME)
    try:
        compiled = compile(CODE, FILE_NAME, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        traceback.print_exception(type(error), error, None)
        line = f"line {error.lineno} of " if getattr(error, "lineno", None) else ""
        message = f"Python cannot read {line}`code`: {getattr(error, 'msg', error)}"
        raise Failure("SyntaxError", message, "fix the syntax error: the log shows the position", "code")
    module = types.ModuleType(MODULE_NAME)
    # Dataclasses and pickle look for the module of a class.
    sys.modules[MODULE_NAME] = module
    module.args = arguments
    watched("`code`", lambda: exec(compiled, module.__dict__))
    main = vars(module).get("main")
    if not callable(main):
        hint = "define `def main(...):`; it is called with `args` by name, and its return value is the result"
        raise Failure("MainMissing", "`code` defines no function `main`", hint, "code")
    return main


def fit(main, arguments):
    """The positional and the named arguments for `main`."""
    signature = inspect.signature(main)
    parameters = list(signature.parameters.values())
    if not parameters:
        return [], {}
    try:
        signature.bind(**arguments)
        return [], arguments
    except TypeError as error:
        takes_all = len(parameters) == 1 and parameters[0].kind in (
            inspect.Parameter.POSITIONAL_ONLY,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
        )
        # As in NoETL: a single parameter that is not in `args` gets all of them.
        if takes_all and parameters[0].name not in arguments:
            return [arguments], {}
        names = ", ".join(f"`{name}`" for name in arguments) or "nothing"
        hint = f"`args` has {names}: let `main` take that, or change `args`"
        raise Failure("ArgumentsInvalid", f"`args` do not fit `main{signature}`: {error}", hint, "args")


def watched(what, call):
    """Calls, and turns errors of the code into a failure."""
    try:
        return call()
    except Failure:
        raise
    except SystemExit as error:
        if error.code in (None, 0):
            return None
        code = error.code if isinstance(error.code, int) else 1
        if code != error.code:
            print(error.code, file=sys.stderr)
        raise Failure("ScriptError", f"{what} ended the program with exit code {code & 255}", exit_code=code)
    except BaseException as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename != FILE_NAME:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace)
        line = ""
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == FILE_NAME:
                line = f" in line {trace.tb_lineno} of `code`"
            trace = trace.tb_next
        try:
            text = str(error)
        except Exception:
            text = ""
        raised = f"{type(error).__name__}: {text}" if text else type(error).__name__
        raise Failure("ScriptError", f"{what} raised `{raised}`{line}")


def call(main, arguments):
    positional, named = fit(main, arguments)
    result = main(*positional, **named)
    if inspect.iscoroutine(result):
        import asyncio

        result = asyncio.run(result)
    return result


def check(value, depth=0):
    """Rejects values that are valid JSON but exceed the limits of the readers."""
    if depth > MAX_DEPTH:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        raise ValueError("a number is too large")
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        check(item, depth + 1)


def as_json(result):
    try:
        text = json.dumps(result, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()
        check(json.loads(text))
    except (TypeError, ValueError, RecursionError) as error:
        hint = "return strings, numbers, `True`, `False`, `None`, and lists and dicts of them"
        raise Failure("ResultInvalid", f"the result of `main` is not JSON: {error}", hint, "code")
    if len(text) > MAX_RESULT_BYTES:
        hint = "store large results elsewhere, and return their location"
        message = f"the result of `main` has {len(text)} bytes as JSON, but at most {MAX_RESULT_BYTES} are allowed"
        raise Failure("ResultInvalid", message, hint, "code")
    return text


def run():
    log = os.dup(1)
    report = []

    # Registered first, and therefore called last: after everything that the code writes at exit.
    @atexit.register
    def write_report():
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        rest = b"".join(report)
        while rest:
            rest = rest[os.write(log, rest) :]

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    try:
        arguments = read_arguments()
        main = load(arguments)
        result = as_json(watched("`main`", lambda: call(main, arguments)))
    except Failure as failure:
        report += [FAILURE_MARK.encode(), json.dumps(failure.report).encode(), b"\n"]
        sys.exit(failure.exit_code)
    report += [RESULT_MARK.encode(), result, b"\n"]


run()
