"""Tables and what happens to them."""

from __future__ import annotations

from starlette.responses import Response

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.errors import NoSuch, Unsupported
from spark_emulators.unity_catalog.iceberg.tables import NewTable
from spark_emulators.unity_catalog.iceberg.transactions import Change
from spark_emulators.unity_catalog.names import TableName, one_level
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.iceberg.answers import (
    ALL_SNAPSHOTS,
    REFS_ONLY,
    etag,
    json_answer,
    listing,
    nothing,
    table_answer,
    unchanged,
)
from spark_emulators.unity_catalog.wire.iceberg.delegation import (
    credentials,
    delegated,
    storage_credentials,
)
from spark_emulators.unity_catalog.wire.iceberg.endpoint import Call
from spark_emulators.unity_catalog.wire.iceberg.paging import page_request
from spark_emulators.unity_catalog.wire.iceberg.requests import (
    Commit,
    CreateTable,
    Identifier,
    MetricsReport,
    RegisterTable,
    Rename,
    Transaction,
)
from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "commit",
    "commit_transaction",
    "create",
    "drop",
    "exists",
    "list_all",
    "load",
    "register",
    "rename",
    "report_metrics",
    "unsupported",
    "vend",
]


def list_all(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    request = page_request(call.query)
    namespace = domain.namespaces.find(catalog, call.levels).securable.name
    page = domain.tables.names(catalog, namespace, request)
    identifiers = [{"namespace": [namespace], "name": table.name} for table in page.items]
    return listing("identifiers", identifiers, page)


def create(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    body = call.parse(CreateTable)
    new = NewTable(
        call.new_table(catalog, body.name),
        body.table_schema,
        body.partition_spec,
        body.write_order,
        body.location,
        body.properties,
    )
    make = domain.tables.stage if body.stage_create else domain.tables.create
    version = make(new)
    return table_answer(version, delegated=delegated(domain, call, new.name, version))


def load(domain: Domain, call: Call) -> Response:
    table = call.table(call.path["catalog"])
    snapshots = call.query.get("snapshots", ALL_SNAPSHOTS)
    if snapshots not in (ALL_SNAPSHOTS, REFS_ONLY):
        raise InvalidInput(f"snapshots must be 'all' or 'refs', not {snapshots!r}")
    domain.system_tables.freshen(table)
    version = domain.tables.load(table)
    assert version.location is not None
    tag = etag(version.location, snapshots)
    if _matches(call.headers.get("if-none-match", ""), tag):
        return unchanged(tag)
    return table_answer(version, snapshots, delegated(domain, call, table, version))


def vend(domain: Domain, call: Call) -> Response:
    """Credentials for a table's files, which a client asks for when its own are about to end."""
    table = call.table(call.path["catalog"])
    vended = credentials(domain, table, domain.tables.load(table))
    return json_answer({"storage-credentials": storage_credentials(vended)})


def exists(domain: Domain, call: Call) -> Response:
    _existing(domain, call)
    return nothing()


def drop(domain: Domain, call: Call) -> Response:
    table = call.table(call.path["catalog"])
    domain.tables.drop(table, with_files=call.flag("purgeRequested"))
    return nothing()


def register(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    body = call.parse(RegisterTable)
    table = call.new_table(catalog, body.name)
    version = domain.tables.register(table, body.metadata_location, overwrite=body.overwrite)
    return table_answer(version)


def rename(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    body = call.parse(Rename)
    source = TableName(catalog, ".".join(body.source.namespace), body.source.name)
    domain.tables.rename(source, _named(catalog, body.destination))
    return nothing()


def commit(domain: Domain, call: Call) -> Response:
    table = call.table(call.path["catalog"])
    body = call.parse(Commit)
    [version] = domain.commits.commit([Change(table, body.requirements, body.updates)])
    return table_answer(version)


def commit_transaction(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    body = call.parse(Transaction)
    changes = []
    for index, change in enumerate(body.table_changes):
        if change.identifier is None:
            raise InvalidInput(f"table-changes.{index}.identifier: Field required")
        table = _named(catalog, change.identifier)
        changes.append(Change(table, change.requirements, change.updates))
    domain.commits.commit(changes)
    return nothing()


def report_metrics(domain: Domain, call: Call) -> Response:
    """Check a report and forget it: nobody here reads them, but clients send them."""
    _existing(domain, call)
    call.parse(MetricsReport)
    return nothing()


def unsupported(_domain: Domain, _call: Call) -> Response:
    raise Unsupported(
        "clients of this catalog plan their scans, and sign requests with keys of their own"
    )


def _existing(domain: Domain, call: Call) -> None:
    table = call.table(call.path["catalog"])
    if not domain.tables.exists(table):
        raise NoSuch(Kind.TABLE, str(table))


def _named(catalog: str, identifier: Identifier) -> TableName:
    return TableName(catalog, one_level(identifier.namespace), identifier.name)


def _matches(header: str, tag: str) -> bool:
    return any(part.strip().removeprefix("W/") in (tag, "*") for part in header.split(","))
