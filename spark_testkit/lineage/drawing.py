"""A lineage graph as a tree for the terminal, as Mermaid, and as SVG."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from spark_testkit.lineage.graph import Graph

if TYPE_CHECKING:
    from rich.tree import Tree

__all__ = ["mermaid", "svg", "tree"]

_BOX_HEIGHT, _ROW, _GAP, _MARGIN = 28, 44, 70, 16
_CHARACTER = 7.3
_STYLE = (
    "text{font:12px ui-monospace,Menlo,Consolas,monospace;fill:#1f2933}"
    "rect{fill:#f5f7fa;stroke:#9aa5b1}.start{fill:#e0f2fe;stroke:#0284c7}"
    "path{fill:none;stroke:#9aa5b1}"
)


def tree(graph: Graph, title: str) -> Tree:
    """What comes before and after each start, as far as it goes; of what repeats, the name only."""
    from rich.markup import escape as plain
    from rich.tree import Tree

    root = Tree(f"[bold]{plain(title)}[/]")
    for start in graph.starts:
        branch = root if start == title else root.add(plain(start))
        for heading, neighbours in (("comes from", graph.before), ("goes to", graph.after)):
            if neighbours.get(start):
                _grow(branch.add(f"[dim]{heading}[/]"), start, neighbours, {start})
    if not graph.edges:
        root.add("[dim]nothing is known of where it comes from or goes to[/]")
    return root


def mermaid(graph: Graph) -> str:
    """A Mermaid flowchart."""
    ids = {name: f"n{number}" for number, name in enumerate(graph.layers)}
    nodes = [f'  {ids[name]}["{escape(name)}"]' for name in ids]
    edges = [f"  {ids[source]} --> {ids[target]}" for source, target in graph.edges]
    return "\n".join(["flowchart LR", *nodes, *edges]) + "\n"


def svg(graph: Graph) -> str:
    """A picture: sources left, the starts in the middle, what comes from them right."""
    layers: dict[int, list[str]] = {}
    for name, layer in graph.layers.items():
        layers.setdefault(layer, []).append(name)
    left: float = _MARGIN
    boxes: dict[str, tuple[float, float, float]] = {}
    height = max(map(len, layers.values())) * _ROW + 2 * _MARGIN
    for layer in sorted(layers):
        names = layers[layer]
        width = max(map(len, names)) * _CHARACTER + 2 * _MARGIN
        top = (height - len(names) * _ROW) / 2 + (_ROW - _BOX_HEIGHT) / 2
        for row, name in enumerate(names):
            boxes[name] = (left, top + row * _ROW, width)
        left += width + _GAP
    width = left - _GAP + _MARGIN
    drawn = [
        *(_edge(boxes[source], boxes[target]) for source, target in graph.edges),
        *(_box(name, *boxes[name], start=name in graph.starts) for name in boxes),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}"'
        f' width="{width:.0f}" height="{height:.0f}"><style>{_STYLE}</style>\n'
        + "\n".join(drawn)
        + "\n</svg>\n"
    )


def _grow(
    branch: Tree, name: str, neighbours: Mapping[str, tuple[str, ...]], shown: set[str]
) -> None:
    from rich.markup import escape as plain

    for each in neighbours.get(name, ()):
        again = each in shown
        more = " [dim]…[/]" if again and neighbours.get(each) else ""
        below = branch.add(plain(each) + more)
        if not again:
            shown.add(each)
            _grow(below, each, neighbours, shown)


def _box(name: str, left: float, top: float, width: float, *, start: bool) -> str:
    style = ' class="start"' if start else ""
    return (
        f'<rect{style} x="{left:.0f}" y="{top:.0f}" width="{width:.0f}" height="{_BOX_HEIGHT}"'
        f' rx="5"/><text x="{left + _MARGIN:.0f}" y="{top + 18:.0f}">{escape(name)}</text>'
    )


def _edge(source: tuple[float, float, float], target: tuple[float, float, float]) -> str:
    x1, y1 = source[0] + source[2], source[1] + _BOX_HEIGHT / 2
    x2, y2 = target[0], target[1] + _BOX_HEIGHT / 2
    bend = _GAP / 2
    return (
        f'<path d="M{x1:.0f} {y1:.0f}C{x1 + bend:.0f} {y1:.0f}'
        f' {x2 - bend:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"/>'
    )
