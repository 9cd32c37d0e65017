"""Lineage graphs: how they are gathered, and what is drawn of them."""

from xml.etree import ElementTree

import pytest
from rich.console import Console

from spark_testkit.lineage import Graph, mermaid, svg, tree
from spark_testkit.lineage.graph import Neighbours, gathered

RAW, ORDERS, BIG = "s3://b/raw", "u.s.orders", "u.s.big"
AFTER = {RAW: [ORDERS], ORDERS: [BIG, "u.s.small"], BIG: ["u.s.report"]}


def neighbours(name):
    before = tuple(source for source, targets in AFTER.items() if name in targets)
    return Neighbours(before, tuple(AFTER.get(name, ())))


@pytest.fixture
def graph():
    return gathered([BIG], neighbours)


def lines(graph, title):
    console = Console(width=200)
    with console.capture() as captured:
        console.print(tree(graph, title))
    return captured.get().splitlines()


def test_a_graph_leads_away_from_its_start(graph):
    assert graph.edges == [(RAW, ORDERS), (BIG, "u.s.report"), (ORDERS, BIG)]
    assert graph.layers == {BIG: 0, ORDERS: -1, RAW: -2, "u.s.report": 1}


def test_a_tree(graph):
    assert lines(graph, BIG) == [
        "u.s.big",
        "├── comes from",
        "│   └── u.s.orders",
        "│       └── s3://b/raw",
        "└── goes to",
        "    └── u.s.report",
    ]


def test_a_tree_of_columns():
    graph = Graph(("t.a", "t.b"), {"t.a": ("r.x",)}, {})
    assert lines(graph, "t") == [
        "t",
        "├── t.a",
        "│   └── comes from",
        "│       └── r.x",
        "└── t.b",
    ]


def test_nothing_is_said_to_be_nothing():
    assert "nothing is known" in lines(Graph(("t",), {}, {}), "t")[1]


def test_circles_end():
    circle = {"a": Neighbours(("b",), ("b",)), "b": Neighbours(("a",), ("a",))}
    graph = gathered(["a"], circle.__getitem__)
    assert graph.edges == [("a", "b"), ("b", "a")]
    assert lines(graph, "a")[2:3] == ["│   └── b"]
    assert ElementTree.fromstring(svg(graph)) is not None


def test_mermaid(graph):
    text = mermaid(graph)
    assert text.startswith("flowchart LR\n")
    assert '  n0["u.s.big"]' in text
    assert "  n1 --> n0" in text


def test_svg_has_a_box_for_each_name_and_a_line_for_each_edge(graph):
    picture = ElementTree.fromstring(svg(graph))
    space = "{http://www.w3.org/2000/svg}"
    assert {text.text for text in picture.iter(f"{space}text")} == set(graph.layers)
    assert len(list(picture.iter(f"{space}path"))) == len(graph.edges)
    left = {
        text.text: float(rect.get("x"))
        for rect, text in zip(
            picture.iter(f"{space}rect"), picture.iter(f"{space}text"), strict=True
        )
    }
    assert left[RAW] < left[ORDERS] < left[BIG] < left["u.s.report"]


def test_names_are_no_markup():
    graph = Graph(("<a>",), {"<a>": ('s3://b/"[red]x',)}, {})
    assert "s3://b/" in "".join(lines(graph, "<a>"))
    ElementTree.fromstring(svg(graph))
    assert "<a>" not in mermaid(graph)
