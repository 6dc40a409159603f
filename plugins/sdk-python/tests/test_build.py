import re
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from noetl_tool_sdk import Capability
from noetl_tool_sdk.__main__ import main
from noetl_tool_sdk.build import BuildError, toolchain
from noetl_tool_sdk.build.narrow import narrowed
from noetl_tool_sdk.build.project import default_module, find_tool, source_folder

TOOL = """
from dataclasses import dataclass
from noetl_tool_sdk import Tool

@dataclass
class Config:
    name: str

class {name}(Tool[Config]):
    kind = "a"
    version = "0.1.0"
    {summary}

    def run(self, host, config, context):
        return {{"status": "completed"}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("probe_")]:
        del sys.modules[name]


def module(folder: Path, name: str, *tools: str, summary: str = 'summary = "A."') -> str:
    text = "".join(TOOL.format(name=tool, summary=summary) for tool in tools)
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return name


def interfaces(capabilities: set[Capability]) -> dict[str, list[str]]:
    """Returns the functions and methods of each interface."""
    files = narrowed(capabilities)
    del files["world.wit"]
    return {name: re.findall(r"^ +([a-z-]+): func", text, re.MULTILINE) for name, text in files.items()}


def test_a_tool_without_capabilities_imports_nothing() -> None:
    files = narrowed(())
    assert set(files) == {"types.wit", "handler.wit", "world.wit"}
    assert re.findall(r"(import|export) ([a-z]+);", files["world.wit"]) == [("export", "handler")]
    assert files["world.wit"].startswith("package noetl:tool@")


def test_an_interface_that_is_only_used_for_its_types_has_no_functions() -> None:
    found = interfaces({Capability.JOBS})
    assert (found["objects.wit"], found["secrets.wit"]) == ([], [])
    assert "create-job" in found["jobs.wit"]
    assert "logs.wit" not in found
    assert "resource object;" in narrowed({Capability.JOBS})["objects.wit"]
    found = interfaces({Capability.LOGS})
    assert (found["jobs.wit"], found["logs.wit"]) == ([], ["read-logs", "read-excerpt"])


def test_every_capability_is_an_interface_of_the_package() -> None:
    found = interfaces(set(Capability))
    assert all(found[f"{capability}.wit"] for capability in Capability)


def test_finds_the_only_tool_of_a_module_and_a_named_one_of_several(folder: Path) -> None:
    assert find_tool(module(folder, "probe_one", "First")).__name__ == "First"
    several = module(folder, "probe_two", "First", "Second")
    assert find_tool(f"{several}:Second").__name__ == "Second"
    with pytest.raises(BuildError, match="name one of `probe_two:First`, `probe_two:Second`"):
        find_tool(several)
    with pytest.raises(BuildError, match="unknown tool `Third` in `probe_two`"):
        find_tool(f"{several}:Third")


def test_a_tool_that_a_module_imports_is_meant_if_it_has_none_of_its_own(folder: Path) -> None:
    module(folder, "probe_base", "Base")
    (folder / "probe_package.py").write_text("from probe_base import Base\n", encoding="utf-8")
    assert find_tool("probe_package").__name__ == "Base"
    own = module(folder, "probe_own", "Own")
    with (folder / f"{own}.py").open("a", encoding="utf-8") as file:
        file.write("from probe_base import Base\n")
    assert find_tool(own).__name__ == "Own"


def test_names_what_is_wrong_with_a_module(folder: Path) -> None:
    with pytest.raises(BuildError, match="missing tool in `probe_none`"):
        find_tool(module(folder, "probe_none"))
    with pytest.raises(BuildError, match="unknown module `probe_nowhere`"):
        find_tool("probe_nowhere")
    with pytest.raises(BuildError, match=r"invalid module `a/b\.py`: expected `MODULE` or `MODULE:CLASS`"):
        find_tool("a/b.py")
    with pytest.raises(BuildError, match="missing `summary` of `First`"):
        find_tool(module(folder, "probe_mute", "First", summary=""))


def test_a_module_that_a_tool_lacks_is_not_taken_for_the_tool(folder: Path) -> None:
    (folder / "probe_needy.py").write_text("import probe_absent\n", encoding="utf-8")
    with pytest.raises(ModuleNotFoundError, match="probe_absent"):
        find_tool("probe_needy")


def test_the_default_module_has_the_name_of_the_project(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="name the module of the tool"):
        default_module(tmp_path)
    manifest = tmp_path / "pyproject.toml"
    manifest.write_text("[tool]\n", encoding="utf-8")
    with pytest.raises(BuildError, match=r"missing `project\.name`"):
        default_module(tmp_path)
    manifest.write_text('[project]\nname = "my-tool"\n', encoding="utf-8")
    assert default_module(tmp_path) == "my_tool"
    assert source_folder(tmp_path) == tmp_path
    (tmp_path / "src").mkdir()
    assert source_folder(tmp_path) == tmp_path / "src"


def test_an_unsatisfied_toolchain_is_one_sentence_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(toolchain, "version", absent)
    assert main(["build", "greet"]) == 1
    remedy = "run `pip install 'noetl-tool-sdk[build]'`"
    assert capsys.readouterr().err == f"error: componentize-py is not installed: {remedy}\n"
    monkeypatch.setattr(toolchain, "version", lambda _name: "0.1.0")
    assert main(["build", "greet"]) == 1
    expected = f"error: unsupported version 0.1.0 of componentize-py: expected {toolchain.VERSION}; {remedy}\n"
    assert capsys.readouterr().err == expected


def test_the_failure_of_the_toolchain_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolchain, "PROGRAM", "import sys; print('no such module'); sys.exit(3)")
    with pytest.raises(BuildError, match=r"exited with code 3:\nno such module$"):
        toolchain.componentize(tmp_path, "entry", [tmp_path], tmp_path / "scratch", tmp_path / "a.wasm")


def test_the_extra_installs_the_version_that_is_expected() -> None:
    manifest = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"componentize-py=={toolchain.VERSION}"' in manifest
