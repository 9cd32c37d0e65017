"""What is generated from the models is what is committed, and agrees with them."""

import json
import re
from pathlib import Path

from spark_platform.dcp.documents import SCHEMA, TABLE, schema_text, updated
from spark_platform.dcp.manifest import KINDS
from spark_platform.dcp.reading import load

DOCS = Path(__file__).resolve().parents[3] / "docs"
AGAIN = "python -m spark_platform.dcp.documents docs"


def test_the_schema_is_the_models():
    assert (DOCS / SCHEMA).read_text() == schema_text(), f"write it again: {AGAIN}"


def test_the_table_of_fields_is_the_models():
    page = (DOCS / TABLE).read_text()
    assert page == updated(page), f"write it again: {AGAIN}"


def test_what_the_page_shows_is_right():
    shown = re.findall(r"^```yaml\n(.*?)^```$", (DOCS / TABLE).read_text(), re.M | re.S)
    assert [load(each).kind for each in shown] == list(KINDS)


def test_nothing_is_null_and_nothing_unknown_is_allowed():
    document = json.loads(schema_text())
    assert '"null"' not in json.dumps(document)
    mappings = [each for each in document["$defs"].values() if "properties" in each]
    assert len(mappings) > 10
    assert all(each["additionalProperties"] is False for each in mappings)


def test_a_continuous_job_has_neither_schedule_nor_limit():
    kinds = json.loads(schema_text())["$defs"]
    batch, stream = (set(kinds[name]["properties"]) for name in ("BatchSpec", "StreamSpec"))
    assert batch - stream == {"schedule", "timeout"}
    assert stream <= batch
