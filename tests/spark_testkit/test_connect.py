"""Sessions from Python: ends that do not wait, and what a 3.5 server is told."""

from pyspark.sql.connect.proto import ExecutePlanRequest

from spark_testkit.connect import _SpeaksSpark35, end_session, open_session
from spark_testkit.ports import free_ports


class Call:
    method = "/spark.connect.SparkConnectService/ExecutePlan"


def test_the_end_of_a_session_does_not_wait_for_a_server_that_has_gone():
    (port,) = free_ports(1)
    session = open_session(f"sc://localhost:{port}/;token=x")
    session.client._retrying = None  # whoever tried again would fail on this
    assert end_session(session) is False


def test_the_end_of_a_session_that_is_over_is_no_error():
    (port,) = free_ports(1)
    session = open_session(f"sc://localhost:{port}/;token=x")
    # pyspark closes its client where it is told that its driver has gone
    session.client._closed = True
    assert end_session(session) is True


def test_a_statement_sent_again_has_its_parameters_once():
    request = ExecutePlanRequest()
    sql = request.plan.command.sql_command.input.sql
    sql.query = "SELECT ?, :named"
    sql.pos_arguments.add().literal.integer = 5
    sql.named_arguments["named"].literal.string = "x"
    sent = []
    for _ in range(3):
        _SpeaksSpark35().intercept_unary_stream(lambda _, each: sent.append(each), Call, request)
    command = sent[-1].plan.command.sql_command
    assert command.sql == "SELECT ?, :named"
    assert [each.integer for each in command.pos_args] == [5]
    assert command.args["named"].string == "x"
