"""``python tests/support/contract_report.py JUNIT.xml``: what was tested where, as Markdown.

A row is a behaviour, a column a cluster; a cell tells how many cases passed, or what else befell
them.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree

SUITE = Path(__file__).parents[1] / "contracts" / "kubernetes"
CLUSTERS = {"emulated": "emulated", "docker": "emulated, docker", "real": "kind"}
HEAD = """\
# Kubernetes: behaviour by cluster

What `tests/contracts/kubernetes` promises, and where each of it was tested: a row is a test, a
number how many cases of it passed. `make contracts` makes this page.

- **emulated**: the emulator, whose pods are processes.
- **emulated, docker**: the same with pods in containers; only tests of pods that run.
- **kind**: kube-apiserver, etcd, controllers, scheduler and kubelet of Kubernetes itself.
"""


def cases(junit: Path) -> dict[str, dict[str, dict[str, Counter[str]]]]:
    """Module → test → cluster → outcomes."""
    found: dict[str, dict[str, dict[str, Counter[str]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(Counter))
    )
    for case in ElementTree.parse(junit).iter("testcase"):
        name, _, parameters = case.attrib["name"].partition("[")
        words = parameters.rstrip("]").split("-")
        cluster = next((each for each in (words[0], words[-1]) if each in CLUSTERS), None)
        if cluster is None:
            continue
        outcome = next((each.tag for each in case if each.tag != "system-out"), "passed")
        module = case.attrib["classname"].rpartition(".")[2]
        found[module][name][cluster][outcome] += 1
    return found


def page(junit: Path) -> str:
    found = cases(junit)
    total = Counter(
        cluster
        for tests in found.values()
        for outcomes in tests.values()
        for cluster, each in outcomes.items()
        for _ in range(each["passed"])
    )
    behaviours = sum(map(len, found.values()))
    passed = ", ".join(f"{total[key]} on {title}" for key, title in CLUSTERS.items())
    lines = [HEAD, f"{behaviours} behaviours; cases that passed: {passed}.", ""]
    for module in sorted(found):
        title = ast.get_docstring(ast.parse((SUITE / f"{module}.py").read_text()))
        lines += [f"## {(title or module).splitlines()[0].rstrip('.')}", ""]
        lines += [f"| behaviour | {' | '.join(CLUSTERS.values())} |", "|---|---|---|---|"]
        for test, outcomes in found[module].items():
            text = re.sub(r"_+", " ", test.removeprefix("test_"))
            cells = (_cell(outcomes.get(key, Counter())) for key in CLUSTERS)
            lines.append(f"| {text} | {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def _cell(outcomes: Counter[str]) -> str:
    others = [f"{count} {name}" for name, count in outcomes.items() if name != "passed"]
    passed = [str(outcomes["passed"])] if outcomes["passed"] else []
    return ", ".join([*passed, *others]) or "–"


if __name__ == "__main__":
    sys.stdout.write(page(Path(sys.argv[1])))
