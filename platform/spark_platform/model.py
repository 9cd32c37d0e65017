"""What the platform's parts speak about: a job to run, and how it is with one. Data only."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import Enum

from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "DOMAIN",
    "Executors",
    "Job",
    "JobKind",
    "JobSpec",
    "Observation",
    "Retries",
    "RunState",
    "Size",
    "Work",
]

DOMAIN = "spark-platform/domain"
"""The label of all that runs for a domain."""

# a name that is an object's, a label's and a part of an EMR client token alike
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?")


class RunState(str, Enum):
    """The states of a run, in their order; the last four are ends but for UNKNOWN."""

    ACCEPTED = "ACCEPTED"
    """Stored; nothing was handed over yet."""
    SUBMITTED = "SUBMITTED"
    """A backend has it, and waits for room."""
    PENDING = "PENDING"
    """Its driver is being started."""
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    UNKNOWN = "UNKNOWN"
    """The backend says what nobody knows, or nothing; no end."""

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


class JobKind(str, Enum):
    """What kind of application a job is."""

    BATCH = "batch"
    """Ends by itself."""
    STREAM = "stream"
    """Runs until it is cancelled."""
    CONNECT = "connect"
    """A Spark Connect server: runs until it is cancelled, and is ready when it answers."""


@dataclass(frozen=True)
class Size:
    """What a driver or one executor may use.

    Attributes:
        cores: task slots.
        memory_mib: of the JVM's heap.
    """

    cores: int = 1
    memory_mib: int = 1024


@dataclass(frozen=True)
class Executors:
    """The executors of a job.

    Attributes:
        size: of each.
        minimum, maximum: how many; where they differ Spark allocates them as it needs.
    """

    size: Size = field(default_factory=Size)
    minimum: int = 1
    maximum: int = 1


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is run, and on how much.

    Attributes:
        kind: what it is.
        main: the script or jar to run, ``local:///…`` in the image or a URL; none for Connect.
        main_class: of a jar.
        py_files, jars: added to it.
        arguments: of the main program.
        conf: Spark's settings; what names sizes, names or images is the backend's.
        driver: its size.
        executors: their size and number.
        secrets: variables of driver and executors → ``secret:key`` of the backend's secrets.
        service_account: as whom it runs, where the backend has such.
        labels: for people, and for whoever counts.
        timeout_s: after which it is ended; None for none.
        ttl_s: seconds that it is kept where it ran after its end; None for the platform's own rule.
    """

    kind: JobKind = JobKind.BATCH
    main: str = ""
    main_class: str = ""
    py_files: tuple[str, ...] = ()
    jars: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    conf: Mapping[str, str] = field(default_factory=dict)
    driver: Size = field(default_factory=Size)
    executors: Executors = field(default_factory=Executors)
    secrets: Mapping[str, str] = field(default_factory=dict)
    service_account: str = "spark"
    labels: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int | None = None
    ttl_s: int | None = None

    def __post_init__(self) -> None:
        if not self.main and self.kind is not JobKind.CONNECT:
            raise InvalidInput(
                "main is empty: there is nothing to run", hint="name a script or jar"
            )

    @property
    def digest(self) -> str:
        """A hash of all of it: two of one name are the same if this is."""
        text = json.dumps(asdict(self), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, kw_only=True)
class JobSpec(Work):
    """A job as backends take it: everything is resolved.

    Attributes:
        name: unique for ever on a backend: the same name is the same job.
        image: what its containers start from.
        spark_version: of the Spark in the image, such as ``4.1.4``.
    """

    name: str
    image: str
    spark_version: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise InvalidInput(
                f"job name {self.name!r} is not allowed",
                hint="1 to 40 of a-z, 0-9 and '-', which is neither first nor last",
            )
        super().__post_init__()


@dataclass(frozen=True)
class Retries:
    """How often a job may be tried again.

    Attributes:
        attempts: all of them, the first included; None for as many as the platform allows.
        backoff_s: seconds before the second; each later one waits twice as long.
    """

    attempts: int | None = 3
    backoff_s: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Job(Work):
    """A job as a team asks for it; each run of it has a name and an image of its own.

    Attributes:
        name: the team's name for it, which all its runs share.
        domain: whose it is: tenants are told apart by it.
        owner: whom to ask.
        engine: which Spark: ``4.1``.
        retries: how often it may be tried again.
        region: where its data lies; empty for anywhere.
    """

    name: str
    domain: str
    owner: str
    engine: str
    retries: Retries = field(default_factory=Retries)
    region: str = ""

    def spec(self, name: str, image: str, spark_version: str) -> JobSpec:
        """The job of one attempt of one run."""
        own = {each.name: getattr(self, each.name) for each in fields(Work)}
        return JobSpec(name=name, image=image, spark_version=spark_version, **own)


@dataclass(frozen=True)
class Observation:
    """How it is with a job, as its backend told.

    Attributes:
        name: the job's.
        state: what it comes to.
        reason: why, for people; never empty where it failed.
        native: the backend's own word for the state.
        exit_code: of the driver, where it is known.
        attempt: which of the backend's own attempts, from 1.
        degraded: it runs with fewer executors than it should.
        cancelling: its end was asked for.
        ready: a Connect server answers; of other jobs, that the driver is up.
        submitted_at, started_at, ended_at: when.
        cluster: which of several the backend has it on; empty where there is but one.
        application: its name on the backend: ``namespace/name``, a container's, a job run's.
        ui: where Spark's UI is while it runs.
        connect: of a Connect server that answers: ``host:port`` in the backend's network.
        logs: where its log is, for people.
    """

    name: str
    state: RunState
    reason: str = ""
    native: str = ""
    exit_code: int | None = None
    attempt: int = 1
    degraded: bool = False
    cancelling: bool = False
    ready: bool = False
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    cluster: str = ""
    application: str = ""
    ui: str = ""
    connect: str = ""
    logs: str = ""
