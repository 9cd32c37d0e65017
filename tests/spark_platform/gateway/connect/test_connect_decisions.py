"""What becomes of each method, by how it is with its session."""

import pytest

from spark_platform.gateway.connect.decisions import Step, check_clone, decide
from spark_platform.gateway.connect.methods import CLONE, METHODS, RELEASE_SESSION
from spark_platform.gateway.connect.records import Key, Place, Session, SessionState
from spark_platform.gateway.connect.refusals import SparkCondition
from spark_platform.kernel.errors import InvalidInput, Transient

ID, OTHER = "00112233-4455-6677-8899-aabbccddeeff", "10112233-4455-6677-8899-aabbccddeeff"
PLACE = Place("connect-1", "uid", "10.0.0.1:15002")
ALL = list(METHODS.values())
# as a server of Spark's own would answer, of a session that it does not know
UNBOUND = {
    "ExecutePlan": Step.PLACE,
    "AnalyzePlan": Step.PLACE,
    "Config": Step.PLACE,
    "AddArtifacts": Step.PLACE,
    "ArtifactStatus": Step.PLACE,
    "Interrupt": Step.NOTHING,
    "ReleaseSession": Step.NOTHING,
    "FetchErrorDetails": "SESSION_NOT_FOUND",
    "ReattachExecute": "SESSION_NOT_FOUND",
    "ReleaseExecute": "SESSION_NOT_FOUND",
    "CloneSession": "SESSION_NOT_FOUND",
    "GetStatus": "SESSION_NOT_FOUND",
}


def session(state=SessionState.OPEN, session_id=ID, place=PLACE):
    return Session(Key("travel", "ana", session_id), place, state)


def outcome(act):
    try:
        return act()
    except SparkCondition as error:
        return error.condition.partition(".")[2]


def test_all_methods_are_known():
    assert {each.name for each in ALL} == set(UNBOUND)


@pytest.mark.parametrize("method", ALL, ids=lambda each: each.name)
def test_by_the_state_of_its_session(method):
    def said(state):
        return outcome(lambda: decide(method, ID, session(state)))

    assert outcome(lambda: decide(method, ID, None)) == UNBOUND[method.name]
    assert said(SessionState.OPEN) is Step.FORWARD
    spared = method is RELEASE_SESSION
    assert said(SessionState.CLOSED) == (Step.NOTHING if spared else "SESSION_CLOSED")
    assert said(SessionState.LOST) == (Step.NOTHING if spared else "SESSION_CHANGED")
    with pytest.raises(Transient, match="is being cloned"):
        decide(method, ID, session(SessionState.CLONING))


@pytest.mark.parametrize("session_id", ["", "me", ID + "0", ID[:-1], ID.replace("-", "")])
@pytest.mark.parametrize("method", ALL, ids=lambda each: each.name)
def test_an_id_that_is_none_is_refused(method, session_id):
    assert outcome(lambda: decide(method, session_id, None)) == "FORMAT"


def test_a_session_stays_where_it_is():
    execute = METHODS["/spark.connect.SparkConnectService/ExecutePlan"]

    assert decide(execute, ID, session(), PLACE.application) is Step.FORWARD
    with pytest.raises(InvalidInput, match="is on connect-1, not on mine"):
        decide(execute, ID, session(), "mine")


def test_a_clone_has_an_id_of_its_own():
    parent = session()

    def said(target_id, target=None):
        return outcome(lambda: check_clone(parent, target_id, target))

    assert said(OTHER) is None
    assert said("me") == "TARGET_SESSION_ID_FORMAT"
    assert said(ID, parent) == "TARGET_SESSION_ID_ALREADY_EXISTS"
    assert said(OTHER, session(SessionState.CLOSED)) == "TARGET_SESSION_ID_ALREADY_CLOSED"
    assert said(OTHER, session(SessionState.LOST)) == "TARGET_SESSION_ID_ALREADY_CLOSED"
    # asked again, since the first answer was lost
    assert said(OTHER, session(SessionState.CLONING)) is None
    elsewhere = session(SessionState.CLONING, place=Place("connect-2", "other", ""))
    assert said(OTHER, elsewhere) == "TARGET_SESSION_ID_ALREADY_EXISTS"


def test_the_method_that_clones_is_one_that_wants_its_session():
    assert decide(CLONE, ID, session()) is Step.FORWARD
