"""Makes the tables of this folder, as Spark writes them (pip install pyspark==4.3.0; Java 17):

    python3 tests/data/table/spark/make.py

payments/: Parquet below year=/shop= with _SUCCESS and checksums, times in INT96, decimals, nulls, a word with a colon in a folder's name.
csv/: the same rows as CSV in gzip, two parts, without folders. expected.csv: the same rows in the order in which ringtrain reads payments/,
as pandas would write them."""

import shutil
from decimal import Decimal
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import types as t

HERE = Path(__file__).parent
ROWS = [
    (1, 10.5, Decimal("12.34"), datetime(2024, 7, 1, 10, 30, tzinfo=timezone.utc), "Zürich", True, 1, 2023, "a:b"),
    (2, None, Decimal("-0.01"), datetime(1969, 12, 31, 23, 0, tzinfo=timezone.utc), None, False, 0, 2023, "a:b"),
    (3, -1.25, None, None, "Bern", None, 1, 2023, "c"),
    (4, 1e-3, Decimal("99.99"), datetime(2024, 2, 29, tzinfo=timezone.utc), "Zürich", True, 0, 2024, "c"),
    (5, 7.0, Decimal("5.00"), datetime(2024, 12, 31, 23, 59, 59, tzinfo=timezone.utc), "Genf, Ost", False, 1, 2024, "c"),
    (6, 8.0, Decimal("6.00"), datetime(2025, 1, 1, tzinfo=timezone.utc), 'said "no"', True, 0, 2024, None),
]
SCHEMA = t.StructType([
    t.StructField("id", t.LongType()), t.StructField("amount", t.DoubleType()), t.StructField("fee", t.DecimalType(10, 2)),
    t.StructField("when", t.TimestampType()), t.StructField("city", t.StringType()), t.StructField("card", t.BooleanType()),
    t.StructField("fraud", t.IntegerType()), t.StructField("year", t.IntegerType()), t.StructField("shop", t.StringType()),
])  # fmt: skip


def main():
    spark = SparkSession.builder.master("local[1]").config("spark.sql.session.timeZone", "UTC").config("spark.ui.enabled", "false").getOrCreate()
    frame = spark.createDataFrame(ROWS, SCHEMA)
    for name in ("payments", "csv"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    frame.coalesce(1).write.partitionBy("year", "shop").parquet(str(HERE / "payments"))
    frame.repartitionByRange(2, "id").sortWithinPartitions("id").write.option("header", True).option("compression", "gzip").csv(str(HERE / "csv"))
    spark.stop()


main()
