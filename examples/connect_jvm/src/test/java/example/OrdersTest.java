package example;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Test;

class OrdersTest {
  @Test
  void aTableIsWrittenAndRead() {
    try (SparkContainer container = new SparkContainer()) {
      container.start();
      try (SparkSession spark =
          SparkSession.builder().remote(container.url()).getOrCreate()) {
        spark.sql("CREATE SCHEMA unity.shop");
        spark
            .createDataset(List.of(10L, 20L, 30L), Encoders.LONG())
            .toDF("amount")
            .writeTo("unity.shop.orders")
            .create();
        assertEquals(
            60L, spark.sql("SELECT sum(amount) FROM unity.shop.orders").first().getLong(0));
      } catch (Exception error) {
        throw new AssertionError(container.getLogs(), error);
      }
    }
  }
}
