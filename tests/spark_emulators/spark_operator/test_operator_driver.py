"""What a driver is made of, from its specification."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spark_apps import IMAGE, application

from spark_emulators.spark_operator.driver.conf import Attempt
from spark_emulators.spark_operator.driver.names import app_id, app_label
from spark_emulators.spark_operator.driver.plan import plan_driver, pod_name
from spark_emulators.spark_operator.driver.routes import InvalidRoute
from spark_emulators.spark_operator.driver.sizes import memory_mib, request_mib
from spark_emulators.spark_operator.reconciler import read
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.properties import properties

ATTEMPT = Attempt("spark", "app", "u-1", 0, "operator")
NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?", fullmatch=True)


def planned(attempt=ATTEMPT, **given):
    return plan_driver(read({"metadata": {}, **application(**given)}).spec, attempt)


def driver_of(plan):
    return plan.pod["spec"]["containers"][0]


def conf_of(plan):
    lines = plan.before[-1]["data"]["spark.properties"].splitlines()
    return dict(line.split("=", 1) for line in lines)


@given(NAMES, st.integers(0, 10**6))
def test_names_are_ones_that_kubernetes_takes(name, number):
    made = app_id("spark", name, number)
    # a Service's name has 63 characters at most, no dot, and begins with a letter or figure
    assert len(f"{made}-driver-svc") <= 63
    assert made[0].isalnum()
    assert "." not in made
    label = app_label(name)
    assert len(label) <= 63
    assert label[0].isalnum()
    assert label[-1].isalnum()


def test_a_short_name_is_kept_and_long_ones_differ():
    assert app_id("spark", "flights", 2) == "flights-2"
    assert app_id("spark", "x" * 60, 0) != app_id("spark", "x" * 61, 0)
    assert app_id("spark", "x" * 60, 0) != app_id("other", "x" * 60, 0)


def test_the_driver_runs_the_script_with_its_properties():
    plan = planned(driverArgs=["a", "b c"])
    assert driver_of(plan)["args"] == [
        "driver", "--properties-file", "/opt/spark/conf/spark.properties",
        "--class", "org.apache.spark.deploy.PythonRunner", "local:///opt/platform/job.py",
        "a", "b c",
    ]  # fmt: skip
    assert driver_of(plan)["image"] == IMAGE
    assert plan.pod["metadata"]["name"] == "app-0-driver" == pod_name(None, ATTEMPT)
    assert plan.pod["spec"]["restartPolicy"] == "Never"
    (owner,) = plan.pod["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["blockOwnerDeletion"]) == (
        "SparkApplication", "u-1", True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"jars": "local:///a.jar"}, ["local:///a.jar"]),
        ({"jars": "local:///a.jar", "mainClass": "A"}, ["--class", "A", "local:///a.jar"]),
        (
            {"mainClass": "org.apache.spark.sql.connect.service.SparkConnectServer"},
            ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
             "spark-internal"],
        ),
        (
            {"sparkRFiles": "local:///a.R"},
            ["--class", "org.apache.spark.deploy.RRunner", "local:///a.R"],
        ),
        ({"jars": "a.jar", "proxyUser": "joe"}, ["a.jar"]),
    ],
)  # fmt: skip
def test_what_is_run(spec, told):
    value = application(**spec)
    del value["spec"]["pyFiles"]
    plan = plan_driver(read({"metadata": {}, **value}).spec, ATTEMPT)
    arguments = driver_of(plan)["args"]
    assert arguments[-len(told) :] == told
    assert ("--proxy-user" in arguments) is ("proxyUser" in spec)


def test_of_a_list_of_scripts_the_first_is_run():
    plan = planned(pyFiles="local:///main.py,local:///lib.py")
    assert driver_of(plan)["args"][-1] == "local:///main.py"
    assert conf_of(plan)["spark.submit.pyFiles"] == "local:///lib.py"


def test_what_the_operator_sets():
    conf = conf_of(planned(conf={"spark.app.name": "mine", "spark.kubernetes.namespace": "no"}))
    assert conf["spark.kubernetes.namespace"] == "spark"
    assert conf["spark.app.name"] == "app"
    assert conf["spark.app.id"] == "app-0"
    assert conf["spark.driver.host"] == "app-0-driver-svc.spark.svc"
    assert conf["spark.kubernetes.executor.label.spark.operator/spark-app-name"] == "app"
    assert conf["spark.kubernetes.executor.deleteOnTermination"] == "false"
    assert "spark.app.name" not in conf_of(planned())


def test_what_the_user_sets_stays():
    given = {
        "spark.authenticate": "false",
        "spark.master": "local[2]",
        "spark.kubernetes.executor.deleteOnTermination": "true",
    }
    assert given.items() <= conf_of(planned(conf=given)).items()


def test_the_version_is_put_into_images_only():
    conf = {
        "spark.kubernetes.container.image": "apache/spark:{{SPARK_VERSION}}",
        "spark.x": "{{SPARK_VERSION}}",
    }
    plan = planned(conf=conf)
    assert driver_of(plan)["image"] == "apache/spark:4.1.4"
    assert conf_of(plan)["spark.x"] == "{{SPARK_VERSION}}"


def test_a_template_is_kept_where_spark_does_not_need_it_otherwise():
    template = {
        "metadata": {"labels": {"team": "flights", "spark-role": "nobody"}, "name": "no"},
        "spec": {
            "restartPolicy": "Always",
            "nodeSelector": {"disk": "fast"},
            "volumes": [{"name": "extra", "emptyDir": {}}],
            "containers": [
                {
                    "name": "main",
                    "image": "other",
                    "command": ["sh"],
                    "args": ["-c", "exit"],
                    "env": [{"name": "A", "value": "1"}, {"name": "SPARK_USER", "value": "me"}],
                    "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "1Mi"}},
                    "volumeMounts": [{"name": "extra", "mountPath": "/extra"}],
                },
                {"name": "sidecar", "image": "s", "securityContext": {"privileged": True}},
            ],
        },
    }
    plan = planned(driverSpec={"podTemplateSpec": template})
    pod, main = plan.pod, driver_of(plan)
    assert pod["metadata"]["labels"]["team"] == "flights"
    assert pod["metadata"]["labels"]["spark-role"] == "driver"
    assert pod["metadata"]["name"] == "app-0-driver"
    assert pod["spec"]["restartPolicy"] == "Never"
    assert pod["spec"]["nodeSelector"] == {"disk": "fast"}
    assert (main["name"], main["image"]) == ("main", IMAGE)
    assert "command" not in main
    env = {each["name"]: each.get("value") for each in main["env"]}
    assert (env["A"], env["SPARK_USER"]) == ("1", "spark")
    assert main["resources"]["limits"] == {"nvidia.com/gpu": 1, "memory": "1433Mi"}
    assert {each["mountPath"] for each in main["volumeMounts"]} >= {"/extra", "/opt/spark/conf"}
    assert pod["spec"]["containers"][1]["securityContext"] == {
        "privileged": True, "allowPrivilegeEscalation": False,
    }  # fmt: skip
    # what was given is not changed
    assert template["spec"]["containers"][0]["image"] == "other"


def test_the_executors_template_is_handed_to_spark():
    template = {"spec": {"containers": [{"name": "e"}], "nodeSelector": {"disk": "fast"}}}
    plan = planned(executorSpec={"podTemplateSpec": template})
    assert [each["metadata"]["name"] for each in plan.before] == [
        "app-0-podspec-conf-map", "app-0-spark-drv-conf-map",
    ]  # fmt: skip
    written = json.loads(plan.before[0]["data"]["pod-spec-template.yml"])
    assert written == {"apiVersion": "v1", "kind": "Pod", **template}
    file = conf_of(plan)["spark.kubernetes.executor.podTemplateFile"]
    mounts = {each["mountPath"] for each in driver_of(plan)["volumeMounts"]}
    assert str(Path(file).parent) in mounts


def test_volumes_secrets_and_variables():
    at = "spark.kubernetes.driver.volumes."
    plan = planned(
        conf={
            f"{at}hostPath.data.mount.path": "/data",
            f"{at}hostPath.data.mount.readOnly": "true",
            f"{at}hostPath.data.options.path": "/srv/data",
            f"{at}emptyDir.spark-local-dir-1.mount.path": "/scratch",
            "spark.kubernetes.driver.secrets.keys": "/keys",
            "spark.kubernetes.driver.secretKeyRef.PASSWORD": "db:password",
            "spark.kubernetes.driverEnv.COLOUR": "red",
            "spark.kubernetes.container.image.pullSecrets": "a, b",
        }
    )
    volumes = {each["name"]: each for each in plan.pod["spec"]["volumes"]}
    assert volumes["data"]["hostPath"] == {"path": "/srv/data"}
    assert volumes["keys-volume"]["secret"] == {"secretName": "keys"}
    env = {each["name"]: each for each in driver_of(plan)["env"]}
    assert env["SPARK_LOCAL_DIRS"]["value"] == "/scratch"
    assert env["PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "password"}
    assert env["COLOUR"]["value"] == "red"
    assert plan.pod["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


def test_a_hidden_service_leads_to_the_driver_before_it_is_ready():
    (service,) = planned().after
    assert service["metadata"]["name"] == "app-0-driver-svc"
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["publishNotReadyAddresses"]
    ports = {each["name"]: each["port"] for each in service["spec"]["ports"]}
    assert ports == {
        "driver-rpc-port": 7078, "blockmanager": 7079, "spark-ui": 4040, "spark-connect": 15002,
    }  # fmt: skip
    assert service["spec"]["ports"][-1]["appProtocol"] == "grpc"


def test_ingresses_and_routes_lead_to_services_of_their_own():
    service = {"serviceMetadata": {"name": "ui"}, "serviceSpec": {"ports": [{"port": 80}]}}
    plan = planned(
        driverServiceIngressList=[{**service, "ingressMetadata": {"name": "in"}}],
        driverHttpRouteList=[
            {
                **service,
                "httpRouteMetadata": {"name": "route"},
                "httpRouteSpec": {"parentRefs": [{"name": "gateway"}]},
            }
        ],
    )
    _, ui, ingress, _, route = plan.after
    assert ui["spec"]["selector"]["spark-app-selector"] == "app-0"
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend == {"name": "ui", "port": {"number": 80}}
    assert route["spec"]["rules"][0]["backendRefs"] == [{"name": "ui", "port": 80}]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"serviceSpec": {}}, r"\[0\].serviceSpec.ports is empty"),
        ({"serviceMetadata": {}}, r"\[0\].serviceMetadata.name is missing"),
        ({"httpRouteSpec": {}}, r"\[0\]: its route has no parentRefs"),
    ],
)
def test_a_route_that_leads_nowhere(change, text):
    entry = {
        "serviceMetadata": {"name": "ui"},
        "serviceSpec": {"ports": [{"port": 80}]},
        "httpRouteMetadata": {"name": "route"},
        "httpRouteSpec": {"parentRefs": [{"name": "gateway"}]},
        **change,
    }
    with pytest.raises(InvalidRoute, match=text):
        planned(driverHttpRouteList=[entry])


@pytest.mark.parametrize(
    ("text", "mib"), [("512", 512), ("512m", 512), ("2g", 2048), ("2GB", 2048), ("1t", 1024**2)]
)
def test_sizes(text, mib):
    assert memory_mib("k", text) == mib


@pytest.mark.parametrize("text", ["", "much", "-1g", "1.5g", "0", "1x"])
def test_no_sizes(text):
    with pytest.raises(InvalidInput, match=r"sparkConf\[k\]"):
        memory_mib("k", text)


def test_what_a_container_needs_beside_the_heap():
    assert request_mib({}, python=False) == 1024 + 384
    assert request_mib({}, python=True) == 1024 + 409
    assert request_mib({"spark.driver.memory": "10g"}, python=False) == 10240 + 1024
    assert request_mib({"spark.driver.memoryOverhead": "1g"}, python=True) == 2048


READER = """
import java.io.*; import java.util.*;
public class Read {
  public static void main(String[] given) throws Exception {
    Properties read = new Properties();
    read.load(new InputStreamReader(new FileInputStream(given[0]), "UTF-8"));
    PrintStream out = new PrintStream(System.out, true, "UTF-8");
    for (String key : new TreeSet<>(read.stringPropertyNames()))
      for (String text : List.of(key, read.getProperty(key)))
        out.println(Base64.getEncoder().encodeToString(text.getBytes("UTF-8")));
  }
}
"""


def test_java_reads_the_properties_as_they_were_meant(tmp_path):
    import base64

    conf = {
        "plain": "a=b:c d", "tab\tkey": "x\ty", "#key": "#value", "!k": "!", " lead": "  two",
        "back\\slash": "C:\\x\\", "line": "one\ntwo\r\n", "ünïcode": "💡 ß", "empty": "",
        "a:b": "=",
    }  # fmt: skip
    file, source = tmp_path / "spark.properties", tmp_path / "Read.java"
    file.write_text(properties(conf))
    source.write_text(READER)
    printed = subprocess.run(
        ["java", str(source), str(file)], capture_output=True, text=True, check=True, timeout=120
    ).stdout.splitlines()
    texts = [base64.b64decode(line).decode() for line in printed]
    assert dict(zip(texts[::2], texts[1::2], strict=True)) == conf
