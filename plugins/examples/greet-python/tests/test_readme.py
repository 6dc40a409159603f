from pathlib import Path

HERE = Path(__file__).parents[1]
README = (HERE / "../../sdk-python/README.md").read_text(encoding="utf-8")


def test_the_readme_of_the_sdk_shows_this_tool() -> None:
    assert f"```python\n{(HERE / 'src/greet.py').read_text(encoding='utf-8')}```" in README


def test_the_readme_of_the_sdk_shows_a_test_of_this_tool() -> None:
    test = "".join((HERE / "tests/test_greet.py").read_text(encoding="utf-8").partition("def test_greets_by_name")[1:])
    shown = test.split("\n\n\n")[0]
    assert f"{shown}\n```" in README
