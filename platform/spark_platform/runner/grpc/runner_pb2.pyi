import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STATE_UNSPECIFIED: _ClassVar[State]
    ACCEPTED: _ClassVar[State]
    SUBMITTED: _ClassVar[State]
    PENDING: _ClassVar[State]
    RUNNING: _ClassVar[State]
    SUCCEEDED: _ClassVar[State]
    FAILED: _ClassVar[State]
    CANCELLED: _ClassVar[State]
    UNKNOWN: _ClassVar[State]

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BATCH: _ClassVar[Kind]
    STREAM: _ClassVar[Kind]
    CONNECT: _ClassVar[Kind]
STATE_UNSPECIFIED: State
ACCEPTED: State
SUBMITTED: State
PENDING: State
RUNNING: State
SUCCEEDED: State
FAILED: State
CANCELLED: State
UNKNOWN: State
BATCH: Kind
STREAM: Kind
CONNECT: Kind

class Size(_message.Message):
    __slots__ = ("cores", "memory_mib")
    CORES_FIELD_NUMBER: _ClassVar[int]
    MEMORY_MIB_FIELD_NUMBER: _ClassVar[int]
    cores: int
    memory_mib: int
    def __init__(self, cores: _Optional[int] = ..., memory_mib: _Optional[int] = ...) -> None: ...

class Executors(_message.Message):
    __slots__ = ("size", "minimum", "maximum")
    SIZE_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_FIELD_NUMBER: _ClassVar[int]
    MAXIMUM_FIELD_NUMBER: _ClassVar[int]
    size: Size
    minimum: int
    maximum: int
    def __init__(self, size: _Optional[_Union[Size, _Mapping]] = ..., minimum: _Optional[int] = ..., maximum: _Optional[int] = ...) -> None: ...

class Retries(_message.Message):
    __slots__ = ("attempts", "backoff_s")
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    BACKOFF_S_FIELD_NUMBER: _ClassVar[int]
    attempts: int
    backoff_s: float
    def __init__(self, attempts: _Optional[int] = ..., backoff_s: _Optional[float] = ...) -> None: ...

class Job(_message.Message):
    __slots__ = ("name", "domain", "owner", "engine", "kind", "main", "main_class", "py_files", "jars", "arguments", "conf", "driver", "executors", "secrets", "service_account", "labels", "timeout_s", "retries", "region", "ttl_s")
    class ConfEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class SecretsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    ENGINE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    MAIN_FIELD_NUMBER: _ClassVar[int]
    MAIN_CLASS_FIELD_NUMBER: _ClassVar[int]
    PY_FILES_FIELD_NUMBER: _ClassVar[int]
    JARS_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    CONF_FIELD_NUMBER: _ClassVar[int]
    DRIVER_FIELD_NUMBER: _ClassVar[int]
    EXECUTORS_FIELD_NUMBER: _ClassVar[int]
    SECRETS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_S_FIELD_NUMBER: _ClassVar[int]
    RETRIES_FIELD_NUMBER: _ClassVar[int]
    REGION_FIELD_NUMBER: _ClassVar[int]
    TTL_S_FIELD_NUMBER: _ClassVar[int]
    name: str
    domain: str
    owner: str
    engine: str
    kind: Kind
    main: str
    main_class: str
    py_files: _containers.RepeatedScalarFieldContainer[str]
    jars: _containers.RepeatedScalarFieldContainer[str]
    arguments: _containers.RepeatedScalarFieldContainer[str]
    conf: _containers.ScalarMap[str, str]
    driver: Size
    executors: Executors
    secrets: _containers.ScalarMap[str, str]
    service_account: str
    labels: _containers.ScalarMap[str, str]
    timeout_s: int
    retries: Retries
    region: str
    ttl_s: int
    def __init__(self, name: _Optional[str] = ..., domain: _Optional[str] = ..., owner: _Optional[str] = ..., engine: _Optional[str] = ..., kind: _Optional[_Union[Kind, str]] = ..., main: _Optional[str] = ..., main_class: _Optional[str] = ..., py_files: _Optional[_Iterable[str]] = ..., jars: _Optional[_Iterable[str]] = ..., arguments: _Optional[_Iterable[str]] = ..., conf: _Optional[_Mapping[str, str]] = ..., driver: _Optional[_Union[Size, _Mapping]] = ..., executors: _Optional[_Union[Executors, _Mapping]] = ..., secrets: _Optional[_Mapping[str, str]] = ..., service_account: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., timeout_s: _Optional[int] = ..., retries: _Optional[_Union[Retries, _Mapping]] = ..., region: _Optional[str] = ..., ttl_s: _Optional[int] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("number", "state", "reason", "failure", "backend", "cluster", "application", "exit_code", "degraded", "started_at", "ended_at")
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FAILURE_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    CLUSTER_FIELD_NUMBER: _ClassVar[int]
    APPLICATION_FIELD_NUMBER: _ClassVar[int]
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    DEGRADED_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    number: int
    state: State
    reason: str
    failure: str
    backend: str
    cluster: str
    application: str
    exit_code: int
    degraded: bool
    started_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    def __init__(self, number: _Optional[int] = ..., state: _Optional[_Union[State, str]] = ..., reason: _Optional[str] = ..., failure: _Optional[str] = ..., backend: _Optional[str] = ..., cluster: _Optional[str] = ..., application: _Optional[str] = ..., exit_code: _Optional[int] = ..., degraded: bool = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("run_id", "name", "domain", "owner", "state", "reason", "attempts", "image", "image_digest", "spark_version", "cancel_reason", "created_at", "ended_at", "version", "links")
    class LinksEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DOMAIN_FIELD_NUMBER: _ClassVar[int]
    OWNER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    IMAGE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SPARK_VERSION_FIELD_NUMBER: _ClassVar[int]
    CANCEL_REASON_FIELD_NUMBER: _ClassVar[int]
    CREATED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    name: str
    domain: str
    owner: str
    state: State
    reason: str
    attempts: _containers.RepeatedCompositeFieldContainer[Attempt]
    image: str
    image_digest: str
    spark_version: str
    cancel_reason: str
    created_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    version: int
    links: _containers.ScalarMap[str, str]
    def __init__(self, run_id: _Optional[str] = ..., name: _Optional[str] = ..., domain: _Optional[str] = ..., owner: _Optional[str] = ..., state: _Optional[_Union[State, str]] = ..., reason: _Optional[str] = ..., attempts: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ..., image: _Optional[str] = ..., image_digest: _Optional[str] = ..., spark_version: _Optional[str] = ..., cancel_reason: _Optional[str] = ..., created_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., version: _Optional[int] = ..., links: _Optional[_Mapping[str, str]] = ...) -> None: ...

class SubmitRequest(_message.Message):
    __slots__ = ("idempotency_token", "job")
    IDEMPOTENCY_TOKEN_FIELD_NUMBER: _ClassVar[int]
    JOB_FIELD_NUMBER: _ClassVar[int]
    idempotency_token: str
    job: Job
    def __init__(self, idempotency_token: _Optional[str] = ..., job: _Optional[_Union[Job, _Mapping]] = ...) -> None: ...

class SubmitResponse(_message.Message):
    __slots__ = ("run", "created")
    RUN_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    run: Run
    created: bool
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., created: bool = ...) -> None: ...

class CheckRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class CancelRequest(_message.Message):
    __slots__ = ("run_id", "reason")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    reason: str
    def __init__(self, run_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ListRequest(_message.Message):
    __slots__ = ("states", "name", "after", "limit")
    STATES_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[State]
    name: str
    after: str
    limit: int
    def __init__(self, states: _Optional[_Iterable[_Union[State, str]]] = ..., name: _Optional[str] = ..., after: _Optional[str] = ..., limit: _Optional[int] = ...) -> None: ...

class ListResponse(_message.Message):
    __slots__ = ("runs",)
    RUNS_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ...) -> None: ...
