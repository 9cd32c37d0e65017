// SPDX-License-Identifier: Apache-2.0
package sparktestkit;

import java.lang.reflect.Method;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;

import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.connect.config.Connect$;
import org.apache.spark.sql.connect.service.SparkConnectInterceptorRegistry$;
import org.apache.spark.sql.connect.service.SparkConnectServer$;
import org.apache.spark.sql.connect.service.SparkConnectService;
import org.apache.spark.sql.connect.service.SparkConnectService$;
import org.slf4j.Logger;
import org.sparkproject.connect.grpc.Server;
import org.sparkproject.connect.grpc.netty.NettyServerBuilder;
import org.sparkproject.connect.grpc.protobuf.services.ProtoReflectionService;

/**
 * Spark 3.5's Connect server, on the loopback interface alone and behind {@link TestkitGuard}.
 *
 * <p>Spark's own main class listens on every interface whatever its configuration says, and a
 * configured interceptor is gone once somebody configures another. This one does the same steps, but
 * for the address and the guard, which no configuration can take away. Only who starts the JVM can
 * have it listen elsewhere, as a container must; the token is asked for there too. It is written
 * against the one release that images/engines.toml names.
 */
public final class TestkitConnectServer {
  /** Where to listen; a property of the JVM and not Spark's, so that no job's configuration is it. */
  private static final String ADDRESS = "sparktestkit.address";

  private static final SparkConnectService$ SERVICE = SparkConnectService$.MODULE$;
  // its name, so that log settings and those who read its log need not know this class
  private static final Logger LOG = SparkConnectServer$.MODULE$.log();

  private TestkitConnectServer() {}

  public static void main(String[] arguments) {
    try {
      SparkContext context = SparkSession.builder().getOrCreate().sparkContext();
      Server server = server(context.conf());
      SERVICE.server_$eq(server);
      server.start();
      createListenerAndUi(context);
      for (var address : server.getListenSockets()) {
        InetSocketAddress socket = (InetSocketAddress) address;
        String host = socket.getAddress().getHostAddress();
        LOG.info("Spark Connect server started at: {}:{}", host, socket.getPort());
      }
      server.awaitTermination();
      System.exit(0);
    } catch (Throwable error) {
      // threads of a half started Spark would keep the process alive
      LOG.error("Error starting Spark Connect server", error);
      System.exit(1);
    }
  }

  /** What Spark's SparkConnectService.startGRPCService builds, elsewhere and guarded. */
  private static Server server(SparkConf conf) throws UnknownHostException {
    InetAddress address = InetAddress.getByName(System.getProperty(ADDRESS, "127.0.0.1"));
    Connect$ keys = Connect$.MODULE$;
    boolean debug = conf.getBoolean("spark.connect.grpc.debug.enabled", true);
    Number port = (Number) conf.get(keys.CONNECT_GRPC_BINDING_PORT());
    Number limit = (Number) conf.get(keys.CONNECT_GRPC_MAX_INBOUND_MESSAGE_SIZE());
    NettyServerBuilder builder =
        NettyServerBuilder.forAddress(new InetSocketAddress(address, port.intValue()));
    builder.maxInboundMessageSize(limit.intValue());
    builder.addService(new SparkConnectService(debug));
    if (debug) {
      builder.addService(ProtoReflectionService.newInstance());
    }
    SparkConnectInterceptorRegistry$.MODULE$.chainInterceptors(builder);
    // the interceptor added last is the first to see a call
    builder.intercept(new TestkitGuard(address.isLoopbackAddress()));
    return builder.build();
  }

  private static void createListenerAndUi(SparkContext context) throws ReflectiveOperationException {
    Method method =
        SparkConnectService$.class.getDeclaredMethod("createListenerAndUI", SparkContext.class);
    method.setAccessible(true);
    method.invoke(SERVICE, context);
  }
}
