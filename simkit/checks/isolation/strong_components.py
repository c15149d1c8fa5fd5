"""Strongly connected components: the parts of a graph in which every node reaches every other.

Tarjan's algorithm (1972), with a stack of its own instead of recursion, so that a path of a million nodes is no
deeper than one. Time and memory grow with nodes and edges.

Deliberately on plain lists: networkx has the same algorithm for graphs of any kind, at several times the cost.
"""

from collections.abc import Iterable, Sequence


def strong_components(successors: Sequence[Sequence[int]], roots: Iterable[int] | None = None) -> list[list[int]]:
    """Return the components of more than one node.

    Args:
        successors: by node, the nodes its edges lead to.
        roots: nodes to start from; all of them when None.

    Returns: each component in ascending order of its nodes; a component comes after those it leads to.
    """
    size = len(successors)
    number = [0] * size  # in the order of discovery, from 1; 0 for undiscovered
    low = [0] * size
    finished = bytearray(size)
    stack: list[int] = []
    found: list[list[int]] = []
    count = 0
    for root in range(size) if roots is None else roots:
        if number[root]:
            continue
        count += 1
        number[root] = low[root] = count
        stack.append(root)
        path = [(root, iter(successors[root]))]
        while path:
            node, targets = path[-1]
            for target in targets:
                if not number[target]:
                    count += 1
                    number[target] = low[target] = count
                    stack.append(target)
                    path.append((target, iter(successors[target])))
                    break
                if not finished[target] and number[target] < low[node]:
                    low[node] = number[target]
            else:
                path.pop()
                if path and low[node] < low[path[-1][0]]:
                    low[path[-1][0]] = low[node]
                if low[node] == number[node]:
                    first = len(stack) - 1
                    while stack[first] != node:
                        first -= 1
                    component = stack[first:]
                    del stack[first:]
                    for each in component:
                        finished[each] = 1
                    if len(component) > 1:
                        found.append(sorted(component))
    return found
