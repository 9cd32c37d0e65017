"""A server in a pod that speaks a small protocol, and its client: for port-forward."""

import socket

# in every Debian, however slim
_PROGRAM = """
$| = 1; $SIG{CHLD} = "IGNORE";
$s = IO::Socket::INET->new(LocalAddr => "0.0.0.0", LocalPort => $ARGV[0], Listen => 50,
    ReuseAddr => 1) or die $@;
print "ready\\n";
while ($c = $s->accept) {
    if (fork) { close $c; next }
    $line = <$c>;
    if ($line =~ /^PUT (\\d+)/) {
        $n = $1; $sum = 0;
        while ($n > 0 && ($got = read($c, $b, $n < 65536 ? $n : 65536))) {
            $n -= $got; $sum = ($sum + unpack("%32C*", $b)) % 4294967296;
        }
        print $c "$sum\\n";
    } elsif ($line =~ /^GET (\\d+)/) {
        print $c ("x" x 1024) for 1 .. $1;
    } elsif ($line =~ /^ECHO/) {
        print $c $_ while <$c>;
    } elsif ($line =~ /^HOLD/) {
        print $c "held\\n"; $c->flush; sleep 600;
    }
    exit;
}
"""
TIMEOUT_S = 60


def free_port():
    """A port that no pod on this machine has, should pods share the machine's."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def talker(port):
    """The command of a pod's container."""
    return ["perl", "-MIO::Socket::INET", "-e", _PROGRAM, str(port)]


def called(port):
    """A connection."""
    return socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


def put(port, size):
    """Send so many bytes; whether they all arrived."""
    with called(port) as found, found.makefile("rb") as answer:
        found.sendall(b"PUT %d\n" % size)
        chunk = b"a" * 65536
        for sent in range(0, size, len(chunk)):
            found.sendall(chunk[: size - sent])
        return int(answer.readline()) == size * ord("a") % 2**32


def get(port, kib):
    """How many bytes came of so many KiB."""
    with called(port) as found:
        found.sendall(b"GET %d\n" % kib)
        return sum(len(each) for each in iter(lambda: found.recv(65536), b""))


def echo(port, lines):
    """What comes back of lines."""
    with called(port) as found, found.makefile("rb") as answer:
        found.sendall(b"ECHO\n" + lines)
        return answer.read(len(lines))
