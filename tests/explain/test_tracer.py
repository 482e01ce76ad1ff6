"""Following constructs through octets, with declarations that have nothing to do with M-Bus."""

from __future__ import annotations

from typing import Any

import construct as c
import pytest

from mbus_construct.explain.tracer import Node, trace

Pair: Any = c.Struct("a" / c.Byte, "b" / c.Int16ul)


def leaves(node: Node) -> list[tuple[str, int, int, str]]:
    if not node.children:
        return [(node.path, node.start, node.end, node.fault)]
    return [leaf for child in node.children for leaf in leaves(child)]


def places(construct: Any, octets: bytes) -> list[tuple[str, int, int, str]]:
    root = trace(construct, octets, "data")
    assert b"".join(octets[start:end] for _, start, end, _ in leaves(root)) == octets
    return leaves(root)


@pytest.mark.parametrize(
    ("construct", "octets", "expected"),
    [
        (Pair, b"\1\2\3", [("a", 0, 1), ("b", 1, 3)]),
        (c.Struct("x" / c.Array(2, c.Byte)), b"\1\2", [("x[0]", 0, 1), ("x[1]", 1, 2)]),
        (
            c.Struct("x" / c.Prefixed(c.Byte, c.GreedyBytes)),
            b"\2ab",
            [("x.length", 0, 1), ("x.content", 1, 3)],
        ),
        (
            c.Struct("x" / c.GreedyRange(c.Int16ul), "rest" / c.GreedyBytes),
            b"\1\2\3\4\5",
            [("x[0]", 0, 2), ("x[1]", 2, 4), ("rest", 4, 5)],
        ),
        (c.Struct("n" / c.Byte, "x" / c.If(c.this.n, c.Byte)), b"\1\2", [("n", 0, 1), ("x", 1, 2)]),
        (c.Struct("n" / c.Byte, "x" / c.If(c.this.n, c.Byte)), b"\0", [("n", 0, 1)]),
        (c.Struct("x" / c.ByteSwapped(Pair)), b"\3\2\1", [("x.b", 0, 2), ("x.a", 2, 3)]),
        (c.Struct("x" / c.BitsSwapped(Pair)), b"\3\2\1", [("x", 0, 3)]),
        (c.Struct("x" / c.Optional(Pair)), b"\3\2\1", [("x", 0, 3)]),  # a class without entry: one field
        (c.Struct("ahead" / c.Peek(c.Byte), "x" / c.Byte), b"\3", [("x", 0, 1)]),
    ],
)
def test_places(construct: Any, octets: bytes, expected: list[tuple[str, int, int]]) -> None:
    assert places(construct, octets) == [(*place, "") for place in expected]
    assert trace(construct, octets, "data").value == construct.parse(octets)


def test_what_fails_keeps_the_rest_and_the_reason() -> None:
    assert places(Pair, b"\1\2") == [("a", 0, 1, ""), ("b", 1, 2, "the data end within b")]
    assert places(Pair, b"\1") == [("a", 0, 1, ""), ("b", 1, 1, "the data end within b")]


def test_what_is_behind_the_end() -> None:
    assert places(Pair, b"\1\2\3\4")[-1] == ("octets", 3, 4, "behind the end of the data")


def test_wrong_constant_is_marked_and_passed() -> None:
    construct = c.Struct("x" / c.Const(7, c.Byte), "y" / c.Byte)
    assert places(construct, b"\1\2") == [("x", 0, 1, "found 01h, expected 07h"), ("y", 1, 2, "")]


def test_parts_that_overlap_are_not_shown() -> None:
    construct = c.Struct("x" / c.Struct("y" / c.Int16ul, c.Seek(0), "z" / c.Byte), "w" / c.Byte)
    assert places(construct, b"\1\2") == [("x", 0, 1, ""), ("w", 1, 2, "")]


def test_octets_that_no_field_takes() -> None:
    construct = c.Struct("x" / c.FixedSized(2, c.Struct("y" / c.Byte)), "z" / c.Byte)
    assert places(construct, b"\1\2\3") == [
        ("x.y", 0, 1, ""),
        ("x.octets", 1, 2, "no field of the grammar"),
        ("z", 2, 3, ""),
    ]
