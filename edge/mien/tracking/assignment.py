"""Which goes with which at the least cost altogether: for the few faces of a frame, without numpy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Costs = Mapping[tuple[int, int], float]
"""Row and column to the cost of joining them; pairs that are missing cannot be joined."""


def assign(costs: Costs, alone: float) -> dict[int, int]:
    """The joining of rows and columns with the least sum of costs.

    Args:
        costs: of the pairs that can be joined, finite.
        alone: cost of a row that is joined to nothing.

    Returns:
        Row to column, each at most once.
    """
    if len({row for row, _ in costs}) == len({column for _, column in costs}) == len(costs):
        # Nearly always: nobody has a choice, and there are no groups to be found.
        return {row: column for (row, column), cost in costs.items() if cost <= alone}
    joined: dict[int, int] = {}
    for rows, columns in _groups(costs):
        if len(rows) == len(columns) == 1:
            if costs[rows[0], columns[0]] <= alone:
                joined[rows[0]] = columns[0]
        else:
            joined.update(_least(costs, rows, columns, alone))
    return joined


def _groups(costs: Costs) -> list[tuple[list[int], list[int]]]:
    """Rows and columns of the pairs that hang together; those of different groups do not matter to each other."""
    of_row: dict[int, list[int]] = {}
    of_column: dict[int, list[int]] = {}
    for row, column in costs:
        of_row.setdefault(row, []).append(column)
        of_column.setdefault(column, []).append(row)
    groups = []
    while of_row:
        rows, columns = [next(iter(of_row))], []
        for row in rows:  # which grows under way
            for column in of_row.pop(row):
                if column in of_column:
                    columns.append(column)
                    rows += [other for other in of_column.pop(column) if other not in rows]
        groups.append((rows, columns))
    return groups


def _least(costs: Costs, rows: Sequence[int], columns: Sequence[int], alone: float) -> dict[int, int]:
    """The Hungarian method with shortest augmenting paths (Kuhn 1955; Jonker and Volgenant 1987), O(rows² · width).

    Each row has a column of its own besides, that of being alone: so there always is a solution.
    """
    forbidden = alone * 2 + 1e9
    width = len(columns) + len(rows)
    table = [
        [costs.get((row, column), forbidden) for column in columns]
        + [alone if index == other else forbidden for other in range(len(rows))]
        for index, row in enumerate(rows)
    ]
    # Potentials of rows and columns, and of each column the row that has it. Index `width` is a column to start from.
    of_rows, of_columns = [0.0] * len(rows), [0.0] * (width + 1)
    owner = [-1] * (width + 1)
    for row in range(len(rows)):
        owner[width], column = row, width
        least, came_from, done = [float("inf")] * width, [width] * width, [False] * (width + 1)
        while owner[column] >= 0:
            done[column] = True
            here, step, following = owner[column], float("inf"), -1
            for other in range(width):
                if not done[other]:
                    reduced = table[here][other] - of_rows[here] - of_columns[other]
                    if reduced < least[other]:
                        least[other], came_from[other] = reduced, column
                    if least[other] < step:
                        step, following = least[other], other
            for other in range(width + 1):
                if done[other]:
                    of_rows[owner[other]] += step
                    of_columns[other] -= step
                elif other < width:
                    least[other] -= step
            column = following
        while column != width:
            owner[column], column = owner[came_from[column]], came_from[column]
    return {rows[owner[index]]: column for index, column in enumerate(columns) if owner[index] >= 0}
