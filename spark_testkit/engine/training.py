"""The queries a new engine runs once, so that their classes go into its CDS archive.

``cds`` runs this file by its path, in a process of its own, against the server that SPARK_REMOTE
names. It imports nothing of the toolkit: its pyspark may be the engine's and not ours.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from pathlib import Path

# the first needs no catalog; the last two reach for servers that are not there, which loads
# the classes of their clients all the same
_QUERIES = (
    "SELECT 1",
    "SELECT k, count(*), sum(v), max(s) FROM"
    " (SELECT id % 7 AS k, id * 1.5 AS v, cast(id AS string) AS s FROM range(1000)) AS t"
    " JOIN (SELECT id AS k2 FROM range(5)) AS u ON t.k = u.k2"
    " GROUP BY k HAVING count(*) > 1 ORDER BY k",
    "SELECT *, row_number() OVER (PARTITION BY k ORDER BY id) FROM"
    " (SELECT id, id % 3 AS k, current_timestamp() AS at FROM range(20)) AS t",
    "CREATE NAMESPACE IF NOT EXISTS training.db",
    "CREATE TABLE training.db.t (id BIGINT, name STRING, at TIMESTAMP) USING iceberg"
    " PARTITIONED BY (days(at))",
    "INSERT INTO training.db.t SELECT id, cast(id AS string), current_timestamp() FROM range(50)",
    "MERGE INTO training.db.t AS t USING (SELECT id FROM range(40, 60)) AS s ON t.id = s.id"
    " WHEN MATCHED THEN DELETE"
    " WHEN NOT MATCHED THEN INSERT (id, name, at) VALUES (s.id, 'new', current_timestamp())",
    "UPDATE training.db.t SET name = 'x' WHERE id = 1",
    "DELETE FROM training.db.t WHERE id = 2",
    "SELECT name, count(*) FROM training.db.t WHERE id > 3 GROUP BY name",
    "SELECT * FROM training.db.t.snapshots",
    "DESCRIBE EXTENDED training.db.t",
    "SHOW TABLES IN training.db",
    "DROP TABLE training.db.t",
    "SHOW NAMESPACES IN unity",
    "SELECT * FROM parquet.`s3a://training/none`",
)


def main() -> None:
    """Run every query, and go on past those that fail."""
    from pyspark.sql.connect.session import SparkSession

    session = SparkSession.builder.remote(os.environ["SPARK_REMOTE"]).getOrCreate()
    session.sql(_QUERIES[0]).collect()
    with tempfile.TemporaryDirectory() as folder:
        frame = session.createDataFrame([(1, "a", 2.5), (2, "b", 3.5)], ["id", "name", "value"])
        for write in (frame.write.parquet, frame.write.csv, frame.write.json):
            with contextlib.suppress(Exception):
                write(str(Path(folder) / write.__name__))
        for read in (session.read.parquet, session.read.csv, session.read.json):
            with contextlib.suppress(Exception):
                read(str(Path(folder) / read.__name__)).groupBy().count().collect()
        with contextlib.suppress(Exception):
            frame.createOrReplaceTempView("frame")
            session.table("frame").filter("id > 1").show()
            frame.toPandas()
        for query in _QUERIES[1:]:
            try:
                session.sql(query).collect()
            except Exception as error:
                sys.stderr.write(f"{query}: {type(error).__name__}\n")
    session.stop()


if __name__ == "__main__":
    main()
