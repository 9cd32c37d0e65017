"""The driver's token in settings, by the messages of Spark's own client."""

import pytest
from pyspark.sql.connect.proto import base_pb2 as pb

from spark_platform.gateway.connect.redaction import check, redacted
from spark_platform.kernel.errors import Forbidden

SECRET = "spark.connect.authenticate.token"
OTHER = "spark.sql.shuffle.partitions"
Operation = pb.ConfigRequest.Operation


def pair(key, value):
    return pb.KeyValue(key=key, value=value)


def ask(**operation):
    request = pb.ConfigRequest(session_id="s", operation=Operation(**operation))
    return request.SerializeToString()


def told(request, *pairs):
    reply = pb.ConfigResponse(session_id="s", server_side_session_id="x", pairs=pairs)
    found = pb.ConfigResponse.FromString(redacted(request, reply.SerializeToString()))
    assert (found.session_id, found.server_side_session_id) == ("s", "x")
    return [(each.key, each.value if each.HasField("value") else None) for each in found.pairs]


@pytest.mark.parametrize("kind", ["get", "get_option"])
def test_asked_for_it_has_no_value(kind):
    wanted = getattr(pb.ConfigRequest, "Get" if kind == "get" else "GetOption")(
        keys=[SECRET, OTHER]
    )

    assert told(ask(**{kind: wanted}), pair(SECRET, "t0p"), pair(OTHER, "2")) == [
        (SECRET, None),
        (OTHER, "2"),
    ]


def test_asked_for_with_a_default_it_has_that():
    wanted = pb.ConfigRequest.GetWithDefault(pairs=[pair(OTHER, "1"), pair(SECRET, "mine")])

    assert told(ask(get_with_default=wanted), pair(OTHER, "2"), pair(SECRET, "t0p")) == [
        (OTHER, "2"),
        (SECRET, "mine"),
    ]


@pytest.mark.parametrize("prefix", [None, "spark.connect.", "spark.connect.authenticate.token"])
def test_among_all_it_is_left_out(prefix):
    wanted = pb.ConfigRequest.GetAll(prefix=prefix)
    rest = SECRET.removeprefix(prefix or "")

    assert told(ask(get_all=wanted), pair(rest, "t0p"), pair("other", "2")) == [("other", "2")]


def test_a_setting_that_only_ends_like_it_is_told():
    wanted = pb.ConfigRequest.GetAll(prefix="my.")

    assert told(ask(get_all=wanted), pair(SECRET, "fine")) == [(SECRET, "fine")]


@pytest.mark.parametrize(
    "operation",
    [
        {"set": pb.ConfigRequest.Set(pairs=[pair(OTHER, "1"), pair(SECRET, "mine")])},
        {"unset": pb.ConfigRequest.Unset(keys=[OTHER, SECRET])},
    ],
)
def test_it_cannot_be_changed(operation):
    with pytest.raises(Forbidden, match="is the gateway's to set"):
        check(ask(**operation))
    # nor where parsers would merge it with what comes later
    harmless = ask(set=pb.ConfigRequest.Set(pairs=[pair(OTHER, "1")]))
    with pytest.raises(Forbidden, match="is the gateway's to set"):
        check(ask(**operation) + harmless)


def test_others_can_be_changed():
    check(ask(set=pb.ConfigRequest.Set(pairs=[pair(OTHER, "1")])))
    check(ask(unset=pb.ConfigRequest.Unset(keys=[OTHER])))
    check(ask(get=pb.ConfigRequest.Get(keys=[SECRET])))
