// SPDX-License-Identifier: Apache-2.0
package sparktestkit;

import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;

import org.sparkproject.connect.grpc.Grpc;
import org.sparkproject.connect.grpc.Metadata;
import org.sparkproject.connect.grpc.ServerCall;
import org.sparkproject.connect.grpc.ServerCallHandler;
import org.sparkproject.connect.grpc.ServerInterceptor;
import org.sparkproject.connect.grpc.Status;

/**
 * Lets a call to Spark Connect through only if it carries the token and, unless the server was
 * started to be reached from elsewhere, comes from this machine.
 *
 * <p>Spark knows a token of its own since 4.0; this stands in for it before. The token is read once
 * from the environment, under the name that Spark 4 reads, since a command line is public. Where
 * the variable is absent or empty, every call is refused.
 *
 * <p>A call carries the token as {@code authorization: Bearer TOKEN}, which Spark 4's clients send
 * for {@code ;token=TOKEN}, or as {@code x-spark-testkit-token: TOKEN}, which any client sends for
 * {@code ;x-spark-testkit-token=TOKEN}: clients of 3.5 want TLS for the first.
 */
public final class TestkitGuard implements ServerInterceptor {
  private static final String VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN";
  private static final Metadata.Key<String> AUTHORIZATION = key("authorization");
  private static final Metadata.Key<String> OWN = key("x-spark-testkit-token");

  private final String token = System.getenv(VARIABLE);
  private final boolean ownMachineOnly;

  public TestkitGuard() {
    this(true);
  }

  /** With {@code ownMachineOnly}, calls that come from elsewhere are refused whatever they carry. */
  public TestkitGuard(boolean ownMachineOnly) {
    this.ownMachineOnly = ownMachineOnly;
  }

  @Override
  public <Q, A> ServerCall.Listener<Q> interceptCall(
      ServerCall<Q, A> call, Metadata headers, ServerCallHandler<Q, A> next) {
    String complaint = complaint(call, headers);
    if (complaint == null) {
      return next.startCall(call, headers);
    }
    call.close(Status.UNAUTHENTICATED.withDescription(complaint), new Metadata());
    return new ServerCall.Listener<Q>() {};
  }

  /** Why the call is refused, or null if it is not. */
  private String complaint(ServerCall<?, ?> call, Metadata headers) {
    if (token == null || token.isEmpty()) {
      return "the server was started without " + VARIABLE + ", so it refuses every call";
    }
    if (ownMachineOnly && !fromThisMachine(call)) {
      return "the server takes calls from its own machine only";
    }
    if (!same(headers.get(AUTHORIZATION), "Bearer " + token) && !same(headers.get(OWN), token)) {
      return "the call carries no token of this server: connect with the URL its owner was given,"
          + " sc://localhost:PORT/;x-spark-testkit-token=TOKEN";
    }
    return null;
  }

  private static boolean fromThisMachine(ServerCall<?, ?> call) {
    SocketAddress peer = call.getAttributes().get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR);
    return peer instanceof InetSocketAddress address && address.getAddress().isLoopbackAddress();
  }

  /** Compares in a time that does not tell how much of the token was right. */
  private static boolean same(String given, String wanted) {
    return given != null
        && MessageDigest.isEqual(
            given.getBytes(StandardCharsets.UTF_8), wanted.getBytes(StandardCharsets.UTF_8));
  }

  private static Metadata.Key<String> key(String name) {
    return Metadata.Key.of(name, Metadata.ASCII_STRING_MARSHALLER);
  }
}
