"""Small, real tests: rows in, a view, a query with a shuffle, rows out."""

from __future__ import annotations

import os
from typing import Any

import pytest


@pytest.mark.parametrize("number", range(int(os.environ["BENCHMARK_TESTS"])))
def test_orders(number: int, spark: Any) -> None:
    orders = [(i, i % 3, float(number)) for i in range(30)]
    view = f"orders_{number}"
    spark.createDataFrame(orders, "id long, customer long, amount double").createOrReplaceTempView(
        view
    )
    rows = spark.sql(
        f"SELECT customer, count(*) AS n, sum(amount) AS total FROM {view}"
        " GROUP BY customer ORDER BY customer"
    ).collect()
    assert [tuple(row) for row in rows] == [(k, 10, 10.0 * number) for k in range(3)]
