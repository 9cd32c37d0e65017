package example

import org.apache.spark.sql.SparkSession
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class OrdersInScalaTest {
  @Test
  def aQueryIsAnsweredInScalasTypes(): Unit = {
    val container = new SparkContainer
    container.start()
    try {
      val spark = SparkSession.builder().remote(container.url).getOrCreate()
      import spark.implicits._
      val names = Seq((1, "a"), (2, "b")).toDF("id", "name").where($"id" > 1).as[(Int, String)]
      assertEquals(Seq((2, "b")), names.collect().toSeq)
      spark.close()
    } finally container.stop()
  }
}
