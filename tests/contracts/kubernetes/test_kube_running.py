"""Pods that run: the same on nodes that emulate, as processes or containers, and on a real one."""

import threading

from kube_api import pod
from kube_fixtures import everywhere
from kube_pods import TIMEOUT_S, condition

pytestmark = everywhere


def main_of(found):
    return found["status"]["containerStatuses"][0]


def runs(found):
    return any(
        "running" in each["state"] for each in found["status"].get("containerStatuses") or ()
    )


def runs_again(found):
    statuses = found["status"].get("containerStatuses") or ()
    return any(each["restartCount"] == 1 and "running" in each["state"] for each in statuses)


def test_a_pod_that_does_its_work(pods):
    pods.run("echo out; echo err >&2")
    found = pods.ended()
    status, main = found["status"], main_of(found)
    assert status["phase"] == "Succeeded"
    state = main["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (0, "Completed")
    assert state["startedAt"] <= state["finishedAt"]
    assert (main["ready"], main["started"], main["restartCount"]) == (False, False, 0)
    assert main["containerID"] == state["containerID"]
    assert {condition(found, kind) for kind in ("Ready", "ContainersReady")} == {"False"}
    assert condition(found, "PodScheduled") == condition(found, "Initialized") == "True"
    assert found["spec"]["nodeName"]
    assert status["podIP"] == status["podIPs"][0]["ip"]
    assert sorted(pods.log().splitlines()) == ["err", "out"]


def test_a_pod_that_fails(pods):
    pods.run("exit 3")
    found = pods.ended()
    assert found["status"]["phase"] == "Failed"
    state = main_of(found)["state"]["terminated"]
    assert (state["exitCode"], state["reason"]) == (3, "Error")


def test_one_that_a_signal_ends(pods):
    # in a command, $$ stands for one
    pods.run("sh -c 'kill -9 $$$$'; exit $?")
    assert main_of(pods.ended())["state"]["terminated"]["exitCode"] == 137


def test_commands_in_a_running_pod(pods):
    pods.run("sleep 300")
    pods.ready()
    assert pods.execute("sh", "-c", "echo out; exit 3") == (3, "out\n")


def test_what_is_running_can_be_entered_at_once(pods):
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v/inside"}]}
    names = [f"p-{number}" for number in range(6)]
    for name in names:
        pods.run("sleep 600", name, container=mount, **volume)
    for name in names:
        pods.until(runs, "it to run", name)
        assert pods.execute("test", "-d", "/v/inside", name=name) == (0, "")


def test_a_failed_container_is_started_again_until_it_is_well(pods):
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    script = """
        echo run
        if test -e /v/there; then until test -e /v/seen; do sleep 0.1; done; exit 0; fi
        touch /v/there; exit 1
    """
    pods.run(script, container=mount, restartPolicy="OnFailure", **volume)
    pods.until(runs_again, "its second run")
    # a real node may drop the logs of all but the last container once a pod has ended
    assert pods.log(previous="true") == "run\n"
    assert pods.execute("touch", "/v/seen") == (0, "")
    found = pods.ended()
    assert found["status"]["phase"] == "Succeeded"
    main = main_of(found)
    assert main["restartCount"] == 1
    assert main["lastState"]["terminated"]["exitCode"] == 1


def test_one_that_keeps_failing_backs_off(pods):
    pods.run("exit 1", restartPolicy="Always")

    def backs_off(found):
        statuses = found["status"].get("containerStatuses") or [{"state": {}}]
        waiting = statuses[0]["state"].get("waiting") or {}
        return waiting.get("reason") == "CrashLoopBackOff"

    found = pods.until(backs_off, "back-off")
    assert found["status"]["phase"] == "Running"
    assert main_of(found)["lastState"]["terminated"]["reason"] == "Error"
    assert "back-off" in main_of(found)["state"]["waiting"]["message"]


def test_init_containers_come_first_and_in_order(pods):
    volume = {"volumes": [{"name": "v", "emptyDir": {}}]}
    mounts = [{"name": "v", "mountPath": "/v"}]
    init = [
        {"name": name, **pods.shell(f"echo {name} >>/v/order"), "volumeMounts": mounts}
        for name in ("first", "second")
    ]
    pods.run("cat /v/order", container={"volumeMounts": mounts}, initContainers=init, **volume)
    found = pods.ended()
    assert found["status"]["phase"] == "Succeeded"
    assert pods.log() == "first\nsecond\n"
    states = [each["state"]["terminated"] for each in found["status"]["initContainerStatuses"]]
    assert [each["reason"] for each in states] == ["Completed", "Completed"]


def test_a_failed_init_container_ends_a_pod_that_is_not_restarted(pods):
    pods.run("echo never", initContainers=[{"name": "first", **pods.shell("exit 5")}])
    found = pods.ended()
    assert found["status"]["phase"] == "Failed"
    assert "waiting" in main_of(found)["state"]
    assert condition(found, "Initialized") == "False"


def test_the_environment_and_files_it_was_given(pods):
    api = pods.api
    api.create(
        "configmaps", {"metadata": {"name": "c"}, "data": {"KEY": "from map", "f": "file\n"}}
    )
    api.create("secrets", {"metadata": {"name": "s"}, "stringData": {"TOKEN": "secret"}})
    asked = {"resource": "requests.memory", "divisor": "1Mi"}
    env = [
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "TWICE", "value": "$(IP)/$(IP)$$(IP)"},
        {"name": "MIB", "valueFrom": {"resourceFieldRef": asked}},
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "TOKEN"}}},
    ]
    container = {
        "env": env,
        "envFrom": [{"configMapRef": {"name": "c"}}],
        "resources": {"requests": {"memory": "32Mi"}},
        "volumeMounts": [{"name": "m", "mountPath": "/etc/m", "readOnly": True}],
    }
    items = [{"key": "f", "path": "deep/name", "mode": 0o440}]
    volumes = [{"name": "m", "configMap": {"name": "c", "items": items}}]
    script = (
        'echo "$KEY|$TOKEN|$MIB|$TWICE"; cat /etc/m/deep/name; touch /etc/m/x || echo read only;'
        " cd /var/run/secrets/kubernetes.io/serviceaccount; ls; cat namespace; echo;"
        " echo $KUBERNETES_SERVICE_PORT; hostname"
    )
    pods.run(script, container=container, volumes=volumes)
    ip = pods.ended()["status"]["podIP"]
    lines = [line for line in pods.log().splitlines() if not line.startswith("touch")]
    assert lines == [
        f"from map|secret|32|{ip}/{ip}$(IP)",
        "file",
        "read only",
        *("ca.crt", "namespace", "token"),
        api.namespace,
        "443",
        "p",
    ]


def test_it_waits_for_what_its_volumes_are_made_of(pods):
    volumes = [{"name": "v", "configMap": {"name": "late"}}]
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    pods.run("cat /v/a", container=mounts, volumes=volumes)
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    pods.until(
        lambda found: (
            [each["state"] for each in found["status"].get("containerStatuses", ())] == [waiting]
        ),
        "it to wait",
    )
    pods.api.create("configmaps", {"metadata": {"name": "late"}, "data": {"a": "here\n"}})
    assert pods.ended()["status"]["phase"] == "Succeeded"
    assert pods.log() == "here\n"


def test_logs_by_time_by_line_and_to_their_end(pods):
    pods.run("for i in 1 2 3 4; do echo line $i; done; sleep 1; echo last")
    pods.until(lambda found: "line 4" in pods.log(), "its lines")
    followed = pods.log(follow="true")
    assert followed.splitlines()[-1] == "last"
    assert pods.log(tailLines="2") == "line 4\nlast\n"
    assert pods.log(limitBytes="6") == "line 1"
    first = pods.log(timestamps="true").splitlines()[0]
    moment, _, text = first.partition(" ")
    assert text == "line 1"
    assert moment.endswith("Z")


def test_a_deletion_lets_it_end_in_its_own_way(pods):
    pods.run("trap 'echo bye; exit 0' TERM; echo ready; while true; do sleep 0.1; done")
    pods.until(lambda found: "ready" in pods.log(), "the trap")
    lines = []
    with pods.api.http.stream(
        "GET", pods.api.path("pods", "p", "log"), params={"follow": "true"}
    ) as answer:
        reader = threading.Thread(target=lambda: lines.extend(answer.iter_lines()))
        reader.start()
        pods.delete()
        reader.join(TIMEOUT_S)
    assert lines[-1] == "bye"
    pods.api.eventually(pods.api.path("pods"), lambda found: found["items"] == [])


def test_what_does_not_hear_is_killed_after_its_grace(pods):
    pods.run("trap '' TERM; echo ready; while true; do sleep 0.1; done")
    pods.until(lambda found: "ready" in pods.log(), "the trap")
    pods.delete(gracePeriodSeconds=1)
    pods.api.eventually(pods.api.path("pods"), lambda found: found["items"] == [])


def test_a_readiness_probe_decides(pods):
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}
    script = "sleep 2; touch /tmp/ready; sleep 600"
    pods.run(script, container={"readinessProbe": probe})
    found = pods.until(lambda found: found["status"]["phase"] == "Running", "it to run")
    assert condition(found, "Ready") == "False"
    assert main_of(pods.ready())["ready"] is True


def test_a_liveness_probe_restarts(pods):
    probe = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods.run(
        "sleep 600",
        container={"livenessProbe": probe},
        restartPolicy="Always",
        terminationGracePeriodSeconds=1,
    )

    def restarted(found):
        statuses = found["status"].get("containerStatuses") or [{"restartCount": 0}]
        return statuses[0]["restartCount"] > 0

    found = pods.until(restarted, "a restart")
    assert main_of(found)["lastState"]["terminated"]["exitCode"] == 137


def test_a_deadline_ends_it(pods):
    pods.run("sleep 600", activeDeadlineSeconds=1, terminationGracePeriodSeconds=1)
    found = pods.ended()
    assert (found["status"]["phase"], found["status"]["reason"]) == ("Failed", "DeadlineExceeded")


def test_what_is_over_its_memory_limit_is_killed(pods):
    script = "x=0123456789; while true; do x=$x$x; done"
    reasons = set()
    for name in ("p", "q", "r"):
        pods.run(script, name, container={"resources": {"limits": {"memory": "32Mi"}}})
        state = main_of(pods.ended(name))["state"]["terminated"]
        assert state["exitCode"] == 137
        reasons.add(state["reason"])
    # a busy containerd sometimes sees the end before the kernel's reason for it, and says Error
    assert "OOMKilled" in reasons


def test_an_image_that_is_not_to_be_had(pods):
    pods.run("true", container={"image": "nowhere.invalid/nothing:1"})

    def pulls(found):
        statuses = found["status"].get("containerStatuses") or [{"state": {}}]
        reason = (statuses[0]["state"].get("waiting") or {}).get("reason")
        return reason in ("ErrImagePull", "ImagePullBackOff")

    assert pods.until(pulls, "the pull to fail")["status"]["phase"] == "Pending"


def test_a_pod_that_fits_nowhere_says_so_and_starts_when_it_does(pods):
    pods.run("true", container={"resources": {"requests": {"cpu": "5000"}}})
    found = pods.until(
        lambda found: condition(found, "PodScheduled") == "False", "the scheduler's word"
    )
    (scheduled,) = (
        each for each in found["status"]["conditions"] if each["type"] == "PodScheduled"
    )
    assert scheduled["reason"] == "Unschedulable"
    assert "Insufficient cpu" in scheduled["message"]


def test_containers_of_a_pod_share_its_address_and_volumes(pods):
    mounts = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    writer = {"name": "writer", **pods.shell("hostname -i >/v/other; sleep 600"), **mounts}
    main = {
        "name": "main",
        **pods.shell("until test -s /v/other; do sleep 0.1; done; hostname -i >/v/own; cmp /v/*"),
        **mounts,
    }
    spec = {
        "restartPolicy": "Never",
        "schedulerName": "default-scheduler",
        "volumes": [{"name": "v", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 1,
    }
    pods.api.create("pods", pod(containers=[main, writer], **spec))

    def main_ended(found):
        states = {
            each["name"]: each["state"] for each in found["status"].get("containerStatuses", ())
        }
        return "terminated" in states.get("main", {})

    found = pods.until(main_ended, "the comparison")
    states = {each["name"]: each["state"] for each in found["status"]["containerStatuses"]}
    assert states["main"]["terminated"]["exitCode"] == 0
    assert "running" in states["writer"]
