"""Requests as bytes, against protobuf's own reading of them."""

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st
from pyspark.sql.connect.proto import base_pb2 as pb

from spark_platform.gateway.connect import wire
from spark_platform.kernel.errors import InvalidInput

USER = "ana@example.org"
TEXTS = st.text(max_size=40)
ANYS = st.builds(Any, type_url=TEXTS, value=st.binary(max_size=40))
CONTEXTS = st.builds(
    pb.UserContext, user_id=TEXTS, user_name=TEXTS, extensions=st.lists(ANYS, max_size=3)
)
REQUESTS = st.one_of(
    st.builds(
        pb.ExecutePlanRequest,
        session_id=TEXTS,
        user_context=CONTEXTS,
        operation_id=TEXTS,
        tags=st.lists(TEXTS, max_size=3),
    ),
    st.builds(
        pb.ReleaseSessionRequest,
        session_id=TEXTS,
        user_context=CONTEXTS,
        allow_reconnect=st.booleans(),
    ),
    st.builds(pb.ReattachExecuteRequest, session_id=TEXTS, last_response_id=TEXTS),
)


@given(request=REQUESTS)
def test_a_request_says_whose_it_is_and_all_else_stays(request):
    changed = wire.with_user(request.SerializeToString(), USER)

    found = type(request).FromString(changed)
    assert (found.user_context.user_id, found.user_context.user_name) == (USER, USER)
    found.user_context.user_id = request.user_context.user_id
    found.user_context.user_name = request.user_context.user_name
    request.user_context.SetInParent()
    assert found == request


@given(first=CONTEXTS, second=CONTEXTS)
def test_what_parsers_would_merge_leaves_no_other_user(first, second):
    request = b"".join(
        pb.ConfigRequest(session_id="s", user_context=each).SerializeToString()
        for each in (first, second)
    )

    found = pb.ConfigRequest.FromString(wire.with_user(request, USER))

    assert (found.user_context.user_id, found.user_context.user_name) == (USER, USER)
    assert list(found.user_context.extensions) == [*first.extensions, *second.extensions]


@given(request=st.binary(max_size=200))
@example(request=b"\x92\x00\x07\x0a\x05alice")  # field 2, its tag in two bytes
@example(request=b"\x10\x05\x12\x03\x0a\x01x")  # field 2 as a number, then as a message
@example(request=b"\x13\x0a\x01x\x14")  # as a group
def test_whatever_is_sent_is_refused_or_says_whose_it_is(request):
    try:
        changed = wire.with_user(request, USER)
    except InvalidInput:
        return
    try:
        found = pb.AnalyzePlanRequest.FromString(changed)
    except DecodeError:
        return
    assert (found.user_context.user_id, found.user_context.user_name) == (USER, USER)
    assert found.session_id == wire.text(request, wire.SESSION)


@given(request=REQUESTS, number=st.integers(1000, 2000), value=st.binary(max_size=40))
def test_fields_of_later_versions_pass_as_they_are(request, number, value):
    later = wire.encoded(number, value)

    changed = wire.with_user(request.SerializeToString() + later, USER)

    assert changed.endswith(later)


@pytest.mark.parametrize(
    "request_",
    [
        b"\x0a",  # no length
        b"\x0a\x05abc",  # cut short
        b"\x08\xff",  # a number without an end
        b"\x09\x00",  # a double, cut short
        b"\x00\x00",  # field 0
        b"\x0b\x0c",  # a group
        b"\xff\xff\xff\xff\xff\x7f\x00",  # a tag of more than 32 bits
        b"\x8a\x80\x80\x80\x80\x00\x00",  # a tag of six bytes
        b"\x0a\xff\xff\xff\xff\x0f",  # a length that some would read as negative
        b"\x12\x02\x0a\x09",  # a user context, cut short
    ],
)
def test_no_message_is_refused(request_):
    with pytest.raises(InvalidInput, match="no message of Spark Connect"):
        wire.with_user(request_, USER)


def test_of_several_texts_the_last_counts_as_parsers_have_it():
    request = wire.encoded(1, b"first") + wire.encoded(1, b"second")

    assert wire.text(request, 1) == "second" == pb.ConfigRequest.FromString(request).session_id


def test_a_text_that_is_none_is_refused():
    with pytest.raises(InvalidInput, match="a text is none"):
        wire.text(wire.encoded(1, b"\xff\xfe"), 1)


@pytest.mark.parametrize("wanted", [True, False])
def test_a_truth_value(wanted):
    request = pb.ReleaseSessionRequest(session_id="s", allow_reconnect=wanted)

    assert wire.flag(request.SerializeToString(), 4) is wanted
    # the last one counts
    assert wire.flag(request.SerializeToString() + b"\x20\x00", 4) is False
    assert wire.flag(request.SerializeToString() + b"\x20\x80\x01", 4) is True
