// SPDX-License-Identifier: Apache-2.0

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;

import org.sparkproject.connect.grpc.Attributes;
import org.sparkproject.connect.grpc.Grpc;
import org.sparkproject.connect.grpc.Metadata;
import org.sparkproject.connect.grpc.MethodDescriptor;
import org.sparkproject.connect.grpc.ServerCall;
import org.sparkproject.connect.grpc.Status;
import sparktestkit.TestkitGuard;

/**
 * Shows the guard one call for each argument, {@code PEER|HEADER|VALUE}, and prints what it made of
 * it: {@code accepted}, or the status and its description. A PEER of {@code -} has no address.
 */
public final class GuardProbe {
  public static void main(String[] arguments) throws Exception {
    for (String argument : arguments) {
      String[] parts = argument.split("\\|", 3);
      InetSocketAddress peer =
          parts[0].equals("-") ? null : new InetSocketAddress(InetAddress.getByName(parts[0]), 1);
      Metadata headers = new Metadata();
      if (!parts[1].isEmpty()) {
        headers.put(Metadata.Key.of(parts[1], Metadata.ASCII_STRING_MARSHALLER), parts[2]);
      }
      String[] outcome = {"nothing"};
      new TestkitGuard()
          .interceptCall(
              new Call(peer, outcome),
              headers,
              (call, metadata) -> {
                outcome[0] = "accepted";
                return new ServerCall.Listener<String>() {};
              });
      System.out.println(outcome[0]);
    }
  }

  private static final class Call extends ServerCall<String, String> {
    private final SocketAddress peer;
    private final String[] outcome;

    Call(SocketAddress peer, String[] outcome) {
      this.peer = peer;
      this.outcome = outcome;
    }

    @Override
    public Attributes getAttributes() {
      return peer == null
          ? Attributes.EMPTY
          : Attributes.newBuilder().set(Grpc.TRANSPORT_ATTR_REMOTE_ADDR, peer).build();
    }

    @Override
    public void close(Status status, Metadata trailers) {
      outcome[0] = status.getCode() + ": " + status.getDescription();
    }

    @Override
    public void request(int messages) {}

    @Override
    public void sendHeaders(Metadata headers) {}

    @Override
    public void sendMessage(String message) {}

    @Override
    public boolean isCancelled() {
      return false;
    }

    @Override
    public MethodDescriptor<String, String> getMethodDescriptor() {
      return null;
    }
  }
}
