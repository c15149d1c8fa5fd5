"""YAML 1.2 core, with places, and nothing that a stranger's file should not do."""

from __future__ import annotations

import pytest
import yaml

from simkit.language import text as reader
from simkit.language.limits import Limits
from simkit.language.problem import Position, ScenarioError
from simkit.language.text import MappingNode, SequenceNode, plain_of, read_bytes, read_text, write_text


def value_of(text: str) -> object:
    return plain_of(read_text(f"x: {text}", "my.yaml"))["x"]


@pytest.mark.parametrize(
    "word", ["no", "off", "yes", "On", "y", "1:30", "2026-01-01", "1_000", "0b11", "=", "nul", "1e", "."]
)
def test_these_are_plain_words(word: str) -> None:
    assert value_of(word) == word


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1e6", 1e6),
        (".5", 0.5),
        ("3.", 3.0),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("-.inf", float("-inf")),
        ("'true'", "true"),
        ('"010"', "010"),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    assert value_of(text) == value
    assert type(value_of(text)) is type(value)


def test_every_key_and_value_knows_its_place() -> None:
    root = read_text("a: 1\nlist:\n  - x\n  - {b: 2}\n", "my.yaml")
    assert isinstance(root, MappingNode)
    listed = root.entries["list"]
    assert listed.key_position == Position("my.yaml", 2, 1)
    assert isinstance(listed.node, SequenceNode)
    inner = listed.node.items[1]
    assert isinstance(inner, MappingNode)
    assert inner.entries["b"].node.position == Position("my.yaml", 4, 9)


def test_columns_count_characters_not_bytes() -> None:
    root = read_text('{"ééé": 1, b: 2}', "my.yaml")
    assert isinstance(root, MappingNode)
    assert root.entries["b"].key_position.column == 12


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a: 1\na: 2", "my.yaml:2:1: key `a` is given twice; first in line 1"),
        ('a: 1\n"a": 2', "my.yaml:2:1: key `a` is given twice"),
        ("a: !!python/object:os.system x", "my.yaml:1:4: tag `tag:yaml.org,2002:python/object:os.system`"),
        ("a: !!str 5", "tags are not allowed"),
        ("a: ! 5", "tags are not allowed"),
        ("<<: {a: 1}", "merge key `<<`"),
        ("? [a]\n: b", "a key must be one word or phrase"),
        ("a: &x [*x]", "alias `*x` stands for nothing that is complete above it"),
        ("a: *x", "alias `*x`"),
        ("a: 1\n---\nb: 2", "my.yaml:2:1: a second document"),
        ("%YAML 1.1\n---\na: 1", "only YAML 1.2 is read"),
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("a: b: c", "my.yaml:1:5: not YAML: mapping values are not allowed"),
        ("a:\n\t- b", "my.yaml:2:1: a tab cannot indent; use spaces"),
        ("a: [1", "not YAML"),
        ("a: \x07", "my.yaml:1:4: control character U+0007"),
        ("a: " + "9" * 101, "a number of 101 characters"),
    ],
)
def test_refused(text: str, refusal: str) -> None:
    with pytest.raises(ScenarioError) as error:
        read_text(text, "my.yaml")
    assert refusal in str(error.value)
    assert str(error.value).endswith("Nothing was run.")


@pytest.mark.parametrize("data", [b"\xff\xfea\x00", b"a: \xc3", "a: é".encode("utf-16"), "a: é".encode("latin-1")])
def test_only_utf_8_is_read(data: bytes) -> None:
    with pytest.raises(ScenarioError, match="not UTF-8 text"):
        read_bytes(data, "my.yaml")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert plain_of(read_bytes(b"\xef\xbb\xbfa: 1", "my.yaml")) == {"a": 1}


def test_problems_are_reported_together_in_file_order() -> None:
    with pytest.raises(ScenarioError) as error:
        read_text("a: !!x 1\nb: 1\nb: 2\n<<: {}\n", "my.yaml")
    assert [problem.position.line for problem in error.value.problems] == [1, 3, 4]


@pytest.mark.parametrize(
    ("limits", "text", "name"),
    [
        (Limits(file_size=10), "a: 12345678", "file_size"),
        (Limits(depth=3), "[[[[1]]]]", "depth"),
        (Limits(nodes=5), "[1, 2, 3, 4, 5]", "nodes"),
        (Limits(aliases=1), "[&a 1, *a, *a]", "aliases"),
        (Limits(scalar_length=3), "abcd", "scalar_length"),
        (Limits(key_length=3), "abcd: 1", "key_length"),
        (Limits(nodes=20), "a: &a [1, 2, 3, 4]\nb: &b [*a, *a]\nc: [*b, *b]", "nodes"),
        (Limits(depth=4), "a: &a [[1]]\nb: [[*a]]", "depth"),
    ],
)
def test_every_growth_has_a_named_limit(limits: Limits, text: str, name: str) -> None:
    with pytest.raises(ScenarioError, match=f"the limit {name} of"):
        read_text(text, "my.yaml", limits)


def test_an_alias_is_the_same_value_again() -> None:
    assert plain_of(read_text("a: &x {k: [1]}\nb: *x", "my.yaml")) == {"a": {"k": [1]}, "b": {"k": [1]}}


@pytest.mark.parametrize(
    "text",
    [
        "a: 1\n",
        "{a: 010, b: '010', c: 1e6, d: '1e6', e: no, f: 'true', g: ~, h: ''}",
        "- [a, {b: c}]\n- |\n  x\n  y\n",
        "{}",
        "[]",
    ],
)
def test_what_is_written_reads_back_the_same(text: str) -> None:
    root = read_text(text, "my.yaml")
    assert plain_of(read_text(write_text(root), "my.yaml")) == plain_of(root)


def test_the_pure_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [010, '010', no]\nb:\n  c: |\n    x\n"
    fast = read_text(text, "my.yaml")
    monkeypatch.setattr(reader, "PARSER", yaml.Loader)
    assert read_text(text, "my.yaml") == fast


@pytest.mark.parametrize("text", ["a:\n", "{a}", "[x, {a: , b: ''}]", "- {a: {b}}"])
def test_nothing_is_written_as_nothing_and_not_as_empty_text(text: str) -> None:
    root = read_text(text, "my.yaml")
    assert plain_of(read_text(write_text(root), "my.yaml")) == plain_of(root)
