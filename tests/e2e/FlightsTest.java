package example;

import static org.apache.spark.sql.functions.*;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

/** The job of examples/coreetl_flights, by the released client: it is told all it knows by its URL. */
class FlightsTest {
  private static final String RAW = System.getenv("FLIGHTS_RAW");
  private static final String ENRICHED = "unity.flights_java.flights_enriched";
  private static final String DAILY = "unity.flights_java.daily_delays";

  @Test
  void rawFilesBecomeTablesWithTheLateCorrections() throws Exception {
    try (SparkSession spark =
        SparkSession.builder().remote(System.getenv("SPARK_REMOTE")).getOrCreate()) {
      spark.sql("CREATE SCHEMA IF NOT EXISTS unity.flights_java");
      enriched(spark)
          .writeTo(ENRICHED)
          .partitionedBy(col("origin"), months(col("flight_date")))
          .createOrReplace();
      daily(spark.table(ENRICHED)).writeTo(DAILY).createOrReplace();
      String first = spark.table(ENRICHED + ".snapshots").first().getAs("snapshot_id").toString();

      raw(spark, "corrections").createOrReplaceTempView("late_corrections");
      spark.sql(System.getenv("FLIGHTS_MERGE").replace("{table}", ENRICHED));

      Map<String, Long> byOrigin = new TreeMap<>();
      for (Row row : spark.table(ENRICHED).groupBy("origin").count().collectAsList()) {
        byOrigin.put(row.getString(0), row.getLong(1));
      }
      assertEquals(Map.of("EWR", 120_835L, "JFK", 111_279L, "LGA", 104_662L), byOrigin);
      assertEquals(3 * 365, spark.table(DAILY).count());
      Dataset<Row> earlier = spark.read().option("versionAsOf", first).table(ENRICHED);
      assertEquals(8255, earlier.where("cancelled").count());
      assertEquals(8247, spark.table(ENRICHED).where("cancelled").count());
    }
  }

  private static Dataset<Row> raw(SparkSession spark, String name) {
    return spark.read()
        .schema(System.getenv("FLIGHTS_" + name.toUpperCase()))
        .option("header", true)
        .option("nullValue", "NA")
        .csv(RAW + "/" + name + ".csv");
  }

  private static Dataset<Row> enriched(SparkSession spark) {
    Dataset<Row> planes =
        raw(spark, "planes").select(col("tailnum"), col("year").as("plane_year"), col("model"));
    Dataset<Row> weather = raw(spark, "weather").select("origin", "time_hour", "temp", "precip");
    Dataset<Row> airlines = raw(spark, "airlines").withColumnRenamed("name", "airline");
    return raw(spark, "flights")
        .withColumn("flight_date", make_date(col("year"), col("month"), col("day")))
        .withColumn("cancelled", col("dep_time").isNull())
        .join(broadcast(planes), new String[] {"tailnum"}, "left")
        .join(broadcast(weather), new String[] {"origin", "time_hour"}, "left")
        .join(broadcast(airlines), new String[] {"carrier"}, "left");
  }

  private static Dataset<Row> daily(Dataset<Row> enriched) {
    return enriched
        .groupBy("origin", "flight_date")
        .agg(
            count("*").as("flights"),
            count_if(col("cancelled")).as("cancelled"),
            round(avg("dep_delay"), 2).as("mean_dep_delay"),
            round(avg("arr_delay"), 2).as("mean_arr_delay"));
  }
}
