"""Views."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pyiceberg.schema import Schema
from pyiceberg.view.metadata import ViewVersion
from starlette.responses import Response

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.errors import NoSuchView
from spark_emulators.unity_catalog.iceberg.view_commits import AssertViewUuid, ViewUpdate
from spark_emulators.unity_catalog.iceberg.views import NewView, ViewState
from spark_emulators.unity_catalog.names import TableName, one_level
from spark_emulators.unity_catalog.wire.iceberg.answers import json_answer, listing, nothing
from spark_emulators.unity_catalog.wire.iceberg.endpoint import Call
from spark_emulators.unity_catalog.wire.iceberg.paging import page_request
from spark_emulators.unity_catalog.wire.iceberg.requests import Identifier, Rename

__all__ = ["commit", "create", "drop", "exists", "list_all", "load", "register", "rename"]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"), frozen=True)


class CreateView(_Body):
    name: str
    location: str | None = None
    view_schema: Annotated[Schema, Field(alias="schema")]
    view_version: ViewVersion
    properties: dict[str, str]


class RegisterView(_Body):
    name: str
    metadata_location: str


class CommitView(_Body):
    identifier: Identifier | None = None
    requirements: list[AssertViewUuid] = Field(default_factory=list)
    updates: list[ViewUpdate]


def list_all(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    request = page_request(call.query)
    namespace = domain.namespaces.find(catalog, call.levels).securable.name
    page = domain.views.names(catalog, namespace, request)
    identifiers = [{"namespace": [namespace], "name": view.name} for view in page.items]
    return listing("identifiers", identifiers, page)


def create(domain: Domain, call: Call) -> Response:
    body = call.parse(CreateView)
    new = NewView(
        call.new_table(call.path["catalog"], body.name),
        body.view_schema,
        body.view_version,
        body.location,
        body.properties,
    )
    return _answer(domain.views.create(new))


def load(domain: Domain, call: Call) -> Response:
    return _answer(domain.views.load(_view(call)))


def exists(domain: Domain, call: Call) -> Response:
    view = _view(call)
    if not domain.views.exists(view):
        raise NoSuchView(f"view {view} does not exist")
    return nothing()


def commit(domain: Domain, call: Call) -> Response:
    body = call.parse(CommitView)
    return _answer(domain.views.commit(_view(call), body.requirements, body.updates))


def drop(domain: Domain, call: Call) -> Response:
    domain.views.drop(_view(call))
    return nothing()


def register(domain: Domain, call: Call) -> Response:
    body = call.parse(RegisterView)
    view = call.new_table(call.path["catalog"], body.name)
    return _answer(domain.views.register(view, body.metadata_location))


def rename(domain: Domain, call: Call) -> Response:
    catalog, body = call.path["catalog"], call.parse(Rename)
    source = TableName(catalog, ".".join(body.source.namespace), body.source.name)
    target = TableName(catalog, one_level(body.destination.namespace), body.destination.name)
    domain.views.rename(source, target)
    return nothing()


def _view(call: Call) -> TableName:
    return TableName(call.path["catalog"], ".".join(call.levels), call.path["view"])


def _answer(state: ViewState) -> Response:
    body: dict[str, Any] = {
        "metadata-location": state.location,
        "metadata": state.metadata.model_dump(mode="json", by_alias=True),
        "config": {},
    }
    return json_answer(body)
