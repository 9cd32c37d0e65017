"""What the demo has to find, wherever it ran."""

from __future__ import annotations

from typing import Any

RAW = ("airlines", "airports", "corrections", "flights", "planes", "weather")


def went_the_whole_way(report: dict[str, Any], *, auth: bool = False) -> None:
    """Check the hops of a demo's report, its run, what is in the tables, and its lineage."""
    way = ["stack", "upload", "Runner", "Gateway", "SK8", "job", "query"]
    if auth:
        way = ["stack", "grants", *way[1:], "lineage"]
        edges = {(edge["source"], edge["target"]) for edge in report["lineage"]["edges"]}
        enriched = "unity.flights.flights_enriched"
        assert edges == {
            *((f"s3://flights-raw/{name}.csv", enriched) for name in RAW),
            (enriched, "unity.flights.daily_delays"),
        }
    assert [hop["name"] for hop in report["hops"]] == way
    assert report["flights_by_origin"] == {"EWR": 120_835, "JFK": 111_279, "LGA": 104_662}
    assert report["tables"]["unity.flights.flights_enriched"]["rows"] == 336_776
    assert report["correction"] == {"cancelled_before": 8255, "cancelled_after": 8247}
    (attempt,) = report["run"]["attempts"]
    assert (attempt["state"], attempt["cluster"], attempt["exit_code"]) == ("SUCCEEDED", "local", 0)
    assert attempt["application"] == f"travel/{report['run']['run_id']}-1"
