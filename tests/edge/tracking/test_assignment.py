from __future__ import annotations

import itertools
import random

from mien.tracking.assignment import assign


def cheapest(costs: dict[tuple[int, int], float], rows: int, columns: int, alone: float) -> float:
    """By trying every joining."""
    best = rows * alone
    for count in range(1, min(rows, columns) + 1):
        for some in itertools.combinations(range(rows), count):
            for others in itertools.permutations(range(columns), count):
                pairs = list(zip(some, others, strict=True))
                if all(pair in costs for pair in pairs):
                    best = min(best, sum(costs[pair] for pair in pairs) + (rows - count) * alone)
    return best


def test_two_that_cost_a_little_more_are_better_than_one_best_and_one_bad() -> None:
    costs = {(0, 0): 1.0, (0, 1): 2.0, (1, 0): 2.0, (1, 1): 9.0}
    assert assign(costs, alone=20) == {0: 1, 1: 0}  # 4 rather than 10
    assert assign(costs, alone=2.5) == {0: 0}  # 1 + 2.5 is less than 4


def test_nothing_to_join_and_what_costs_more_than_being_alone() -> None:
    assert assign({}, alone=5) == {}
    assert assign({(3, 7): 6.0}, alone=5) == {}
    assert assign({(3, 7): 4.0}, alone=5) == {3: 7}


def test_no_joining_is_cheaper_on_a_thousand_drawn_tables() -> None:
    luck = random.Random(1)
    for _ in range(1000):
        rows, columns = luck.randint(1, 4), luck.randint(1, 4)
        costs = {
            (row, column): luck.uniform(-10, 12)
            for row in range(rows)
            for column in range(columns)
            if luck.random() < 0.7
        }
        found = assign(costs, alone=8)
        assert len(set(found.values())) == len(found)
        total = sum(costs[pair] for pair in found.items()) + (rows - len(found)) * 8
        assert abs(total - cheapest(costs, rows, columns, 8)) < 1e-6, costs
