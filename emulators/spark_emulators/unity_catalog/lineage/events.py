"""OpenLineage events, as far as they are read (specification 2.0.2); all else in them passes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel

from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "Dataset",
    "DatasetEvent",
    "Event",
    "EventType",
    "Job",
    "JobEvent",
    "Observation",
    "RunEvent",
    "parse_event",
]


def _storable(text: str) -> str:
    # PostgreSQL keeps no such text
    if "\0" in text:
        raise ValueError("a NUL character is not allowed")
    return text


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(timezone.utc) if time.tzinfo else time.replace(tzinfo=timezone.utc)


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


def _listed(value: object) -> object:
    return [] if value is None else value


Text = Annotated[str, Field(min_length=1, max_length=4096), AfterValidator(_storable)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class EventType(str, Enum):
    """A step of a run."""

    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"


class Source(_Model):
    """A dataset, or one of its fields, that something comes from.

    Attributes:
        type: ``JOB`` where data is generated; column lineage, the older facet, has datasets only.
        field: None for the dataset as a whole.
    """

    namespace: Text
    name: Text
    field: Text | None = None
    type: str = "DATASET"


class _Inputs(_Model):
    inputs: tuple[Source, ...]


class _InputFields(_Model):
    input_fields: tuple[Source, ...]


class ColumnLineage(_Model):
    """Facet ``columnLineage``. Its ``dataset`` (filters, joins, sorts) makes no column."""

    fields: Mapping[Text, _InputFields]


class Lineage(_Model):
    """Facet ``lineage``: what a dataset comes from, said outright."""

    inputs: tuple[Source, ...] = ()
    fields: Mapping[Text, _Inputs] = Field(default_factory=dict)


class Symlink(_Model):
    """Another name of a dataset."""

    namespace: Text
    name: Text
    type: str


class _Symlinks(_Model):
    identifiers: tuple[Symlink, ...] = ()


class _Catalog(_Model):
    warehouse_uri: str | None = None


class _Lifecycle(_Model):
    lifecycle_state_change: Annotated[str, BeforeValidator(_upper)]


class Facets(_Model):
    """The facets of a dataset that matter here; one that says it is deleted is not there."""

    column_lineage: ColumnLineage | None = None
    lineage: Lineage | None = None
    symlinks: _Symlinks = _Symlinks()
    catalog: _Catalog = _Catalog()
    lifecycle_state_change: _Lifecycle | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_deleted(cls, facets: Any) -> Any:
        if not isinstance(facets, dict):
            return facets
        return {
            key: facet
            for key, facet in facets.items()
            if facet is not None and not (isinstance(facet, dict) and facet.get("_deleted") is True)
        }


class Dataset(_Model):
    """What a job reads or writes."""

    namespace: Text
    name: Text
    facets: Annotated[Facets, BeforeValidator(lambda facets: facets or {})] = Facets()


Datasets = Annotated[tuple[Dataset, ...], BeforeValidator(_listed)]


class Observation(_Model):
    """Datasets that one event saw together."""

    inputs: Datasets = ()
    outputs: Datasets = ()


class Job(_Model):
    """What runs."""

    namespace: Text
    name: Text


class _RunId(_Model):
    run_id: UUID


class _Parent(_Model):
    run: _RunId
    job: Job


class _RunFacets(_Model):
    parent: _Parent | None = None


class _Run(_RunId):
    facets: Annotated[_RunFacets, BeforeValidator(lambda facets: facets or {})] = _RunFacets()


class _Event(_Model):
    event_time: Annotated[datetime, AfterValidator(_in_utc)]
    producer: Text
    schema_url: Text = Field(alias="schemaURL")

    @property
    def time_ms(self) -> int:
        """Milliseconds since 1970."""
        return int(self.event_time.timestamp() * 1000)


class RunEvent(_Event, Observation):
    """A step of a job's run."""

    event_type: EventType = EventType.OTHER
    run: _Run
    job: Job

    @property
    def run_id(self) -> str:
        return str(self.run.run_id)

    @property
    def application(self) -> tuple[Job, str]:
        """The job that a person would name, and its run: the parent, if the run has one."""
        parent = self.run.facets.parent
        return (parent.job, str(parent.run.run_id)) if parent else (self.job, self.run_id)


class JobEvent(_Event, Observation):
    """What a job reads and writes, whether or not it runs."""

    job: Job


class DatasetEvent(_Event):
    """What is known of a dataset."""

    dataset: Dataset

    @property
    def observation(self) -> Observation:
        """The dataset as something written, if it says what it comes from."""
        facets = self.dataset.facets
        says = facets.lineage is not None or facets.column_lineage is not None
        return Observation(outputs=(self.dataset,) if says else ())


Event = RunEvent | JobEvent | DatasetEvent


def parse_event(document: object) -> Event:
    """Read one event from parsed JSON.

    Raises:
        InvalidInput: it is none; names the fields that are wrong.
    """
    if not isinstance(document, dict):
        raise InvalidInput("an OpenLineage event must be a JSON object")
    kind: type[RunEvent] | type[JobEvent] | type[DatasetEvent]
    if "run" in document:
        kind = RunEvent
    elif "dataset" in document:
        kind = DatasetEvent
    elif "job" in document:
        kind = JobEvent
    else:
        raise InvalidInput(
            "an OpenLineage event must have `run` and `job`, or `job`, or `dataset`",
            hint="it has: " + (", ".join(sorted(map(str, document))[:10]) or "nothing"),
        )
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)[:10]
        )
        raise InvalidInput(f"not an OpenLineage event: {problems}") from error
