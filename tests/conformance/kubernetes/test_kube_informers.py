"""A cache kept by list and watch, with the Python client: it is right after whatever goes wrong."""

import contextlib
import random
import threading

import pytest
import urllib3
from kube_api import Api, config_map
from kubernetes import client, config, watch

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.faults import Faults

TIMEOUT_S = 60
# watches end often, so that many begin
WATCH_S = 2
RETRY_S = 0.02
LABEL = {"informed": "yes"}


class Relist(Exception):
    """The watch cannot go on."""


class Informer:
    """Config maps of the label, by name, and every change it was told, in order."""

    def __init__(self, kubeconfig):
        loaded = client.Configuration()
        config.load_kube_config(str(kubeconfig), client_configuration=loaded)
        self._http = client.ApiClient(loaded)
        self._list = client.CoreV1Api(self._http).list_namespaced_config_map
        self._stop = threading.Event()
        self._version = ""
        self._thread = threading.Thread(target=self._run)
        self.cache, self.events, self.lists = {}, [], 0
        self.fault = None

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc_info):
        self._stop.set()
        self._thread.join(TIMEOUT_S)
        self._http.close()

    def _run(self):
        try:
            while not self._stop.is_set():
                with contextlib.suppress(Relist), self._trouble():
                    self._take_list()
                    while not self._stop.is_set():
                        with self._trouble():
                            self._follow()
        except BaseException as error:
            self.fault = error

    @contextlib.contextmanager
    def _trouble(self):
        """What is tried again; 410 leads back to the list."""
        try:
            yield
        except (urllib3.exceptions.HTTPError, OSError):
            self._stop.wait(RETRY_S)
        except client.ApiException as error:
            if error.status == 410:
                raise Relist from error
            if error.status not in (429, 500):
                raise
            self._stop.wait(RETRY_S)

    def _take_list(self):
        found = self._list("default", label_selector="informed=yes")
        self.lists += 1
        self._version = found.metadata.resource_version
        now = {each.metadata.name: each.data["n"] for each in found.items}
        for name in set(self.cache) - set(now):
            self._tell("DELETED", name, self.cache[name])
        for name, value in now.items():
            if self.cache.get(name) != value:
                self._tell("MODIFIED" if name in self.cache else "ADDED", name, value)

    def _follow(self):
        stream = watch.Watch().stream(
            self._list,
            "default",
            label_selector="informed=yes",
            resource_version=self._version,
            timeout_seconds=WATCH_S,
            allow_watch_bookmarks=True,
        )
        for event in stream:
            metadata = event["raw_object"]["metadata"]
            self._version = metadata["resourceVersion"]
            if event["type"] != "BOOKMARK":
                self._tell(event["type"], metadata["name"], event["raw_object"]["data"]["n"])

    def _tell(self, kind, name, value):
        assert (kind == "ADDED") == (name not in self.cache), (kind, name, self.cache)
        self.events.append((kind, name, value))
        if kind == "DELETED":
            del self.cache[name]
        else:
            self.cache[name] = value

    def settled(self, writer, *, exactly):
        """Wait until the cache is the truth; ``exactly``: and nothing was lost or doubled."""

        def check():
            if self.fault:
                raise self.fault
            if (
                not self.lists
                or self.cache != writer.truth
                or (exactly and self.events != writer.events)
            ):
                raise NotYet(f"{self.events[-3:]} of {writer.events[-3:]}")

        poll(check, what="the cache to be right", timeout_s=TIMEOUT_S)


class Writer:
    """Makes, changes and deletes config maps, and knows what an informer must be told."""

    def __init__(self, kubeconfig, seed=0):
        self._kubeconfig = kubeconfig
        self._random = random.Random(seed)
        self.truth, self.events = {}, []

    def write(self, times=20):
        api = Api(self._kubeconfig, "default")
        for _ in range(times):
            name, value = f"c{self._random.randrange(6)}", str(len(self.events))
            path = api.path("configmaps", name)
            body = config_map(name, data={"n": value}, metadata={"labels": LABEL})
            if name not in self.truth:
                api.create("configmaps", body)
                self._note("ADDED", name, value)
            elif self._random.random() < 0.3:
                assert api.http.delete(path).is_success
                self._note("DELETED", name, self.truth.pop(name))
            else:
                assert api.http.put(path, json=body).is_success
                self._note("MODIFIED", name, value)
        api.close()

    def _note(self, kind, name, value):
        self.events.append((kind, name, value))
        if kind != "DELETED":
            self.truth[name] = value


@pytest.fixture
def kubeconfig(tmp_path):
    file = tmp_path / "kubeconfig"
    with ApiServer(Settings(port=0, kubeconfig=file)):
        yield file


@pytest.fixture
def faults(kubeconfig):
    found = Faults(kubeconfig)
    yield found
    found.close()


def disturbed(fault):
    """Wait until a fault has hit."""

    def hit():
        if not fault.hits():
            raise NotYet("not yet")

    poll(hit, what="the fault to hit", timeout_s=TIMEOUT_S)


def test_dropped_watches_lose_and_double_nothing(kubeconfig, faults):
    writer = Writer(kubeconfig)
    with Informer(kubeconfig) as informer:
        informer.settled(writer, exactly=True)
        for _ in range(5):
            writer.write()
            with faults.drop_watches("configmaps", times=3) as fault:
                writer.write()
                disturbed(fault)
        informer.settled(writer, exactly=True)
        assert informer.lists == 1


def test_stalled_watches_lose_and_double_nothing(kubeconfig, faults):
    writer = Writer(kubeconfig)
    with Informer(kubeconfig) as informer:
        informer.settled(writer, exactly=True)
        for _ in range(3):
            writer.write()
            with faults.stall_watches("configmaps"):
                writer.write()
            informer.settled(writer, exactly=True)
        assert informer.lists == 1


@pytest.mark.parametrize("effect", ["outage", "errors", "throttle"])
def test_outages_and_errors_lose_and_double_nothing(kubeconfig, faults, effect):
    writer = Writer(kubeconfig)
    with Informer(kubeconfig) as informer:
        informer.settled(writer, exactly=True)
        writer.write()
        how = {"verbs": ("watch",)} if effect != "outage" else {}
        with getattr(faults, effect)(**how) as fault:
            disturbed(fault)
        writer.write()
        informer.settled(writer, exactly=True)
        assert informer.lists == 1


def test_expired_watches_are_made_good_by_a_list(kubeconfig, faults):
    writer = Writer(kubeconfig)
    with Informer(kubeconfig) as informer:
        for _ in range(5):
            writer.write()
            with faults.expire_watches("configmaps", times=1) as fault:
                writer.write()
                disturbed(fault)
            writer.write()
        informer.settled(writer, exactly=False)
        assert informer.lists > 1


@pytest.mark.parametrize("seed", range(3))
def test_any_mix_of_trouble_leaves_the_cache_right(kubeconfig, faults, seed):
    chance, writer = random.Random(seed), Writer(kubeconfig, seed)
    kinds = (faults.drop_watches, faults.expire_watches, faults.stall_watches)
    with Informer(kubeconfig) as informer:
        for _ in range(15):
            with chance.choice(kinds)("configmaps"):
                writer.write(chance.randrange(15))
            writer.write(chance.randrange(5))
        informer.settled(writer, exactly=False)


def test_it_goes_on_after_the_server_was_started_again(tmp_path):
    folder, file, port = tmp_path / "data", tmp_path / "kubeconfig", 0
    writer = Writer(file)
    with contextlib.ExitStack() as informing:
        informer = None
        for _ in range(3):
            with ApiServer(Settings(port=port, data=folder, kubeconfig=file)) as server:
                port = int(server.url.rpartition(":")[2])
                informer = informer or informing.enter_context(Informer(file))
                writer.write()
                informer.settled(writer, exactly=False)
                writer.write()
        with ApiServer(Settings(port=port, data=folder, kubeconfig=file)):
            informer.settled(writer, exactly=False)
            informing.close()
