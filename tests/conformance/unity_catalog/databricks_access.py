"""Databricks' SDK where everybody needs a token: principals, grants, and a program's own login.

Run with the catalog's host and the file of its admin's token.
"""

import sys
from pathlib import Path

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.service import catalog as uc
from databricks.sdk.service import iam

PATCH = [iam.PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]


def refused(kind, call, *args, **options) -> None:
    try:
        call(*args, **options)
    except kind:
        return
    raise AssertionError(f"not refused as {kind.__name__}")


def principals(admin: WorkspaceClient) -> None:
    assert admin.current_user.me().user_name == "admin"
    ann = admin.users.create(user_name="ann@x", display_name="Ann")
    assert [one.user_name for one in admin.users.list()] == ["admin", "ann@x"]
    assert [one.id for one in admin.users.list(filter="userName eq 'ann@x'")] == [ann.id]
    off = iam.Patch(op=iam.PatchOp.REPLACE, value={"active": False})
    admin.users.patch(ann.id, operations=[off], schemas=PATCH)
    assert not admin.users.get(ann.id).active
    team = admin.groups.create(display_name="team", members=[iam.ComplexValue(value=ann.id)])
    assert [one.display for one in team.members] == ["Ann"]
    remove = iam.Patch(op=iam.PatchOp.REMOVE, path=f'members[value eq "{ann.id}"]')
    admin.groups.patch(team.id, operations=[remove], schemas=PATCH)
    assert not admin.groups.get(team.id).members
    admin.users.delete(ann.id)
    refused(NotFound, admin.users.get, ann.id)


def program(admin: WorkspaceClient, host: str) -> WorkspaceClient:
    """A service principal's own client, in the group ``team``."""
    made = admin.service_principals.create(display_name="etl")
    [team] = admin.groups.list(filter="displayName eq 'team'")
    add = iam.Patch(op=iam.PatchOp.ADD, path="members", value=[{"value": made.id}])
    admin.groups.patch(team.id, operations=[add], schemas=PATCH)
    secret = admin.service_principal_secrets_proxy.create(made.id).secret
    client = WorkspaceClient(
        host=host, client_id=made.application_id, client_secret=secret, auth_type="oauth-m2m"
    )
    assert client.current_user.me().display_name == "etl"
    refused(PermissionDenied, lambda: list(client.users.list()))
    return client


def grants(admin: WorkspaceClient, etl: WorkspaceClient) -> None:
    admin.schemas.create("s", "unity")
    refused(PermissionDenied, etl.catalogs.get, "unity")
    assert list(etl.catalogs.list()) == []
    told = admin.grants.update(
        uc.SecurableType.CATALOG.value,
        "unity",
        changes=[uc.PermissionsChange(principal="team", add=[uc.Privilege.USE_CATALOG])],
    )
    # the SDK drops privileges whose spelling it does not know
    assert told.privilege_assignments[0].privileges == [uc.Privilege.USE_CATALOG]
    assert etl.catalogs.get("unity").name == "unity"
    seen = etl.grants.get("catalog", "unity").privilege_assignments
    assert [(one.principal, one.privileges) for one in seen] == [
        ("team", [uc.Privilege.USE_CATALOG])
    ]
    change = uc.PermissionsChange(principal="team", add=[uc.Privilege.USE_SCHEMA])
    refused(PermissionDenied, etl.grants.update, "catalog", "unity", changes=[change])
    admin.grants.update("catalog", "unity", changes=[change])
    assert [one.full_name for one in etl.schemas.list("unity")] == ["unity.s"]
    [held] = admin.grants.get_effective("schema", "unity.s").privilege_assignments
    [inherited] = held.privileges
    assert inherited.privilege == uc.Privilege.USE_SCHEMA
    assert inherited.inherited_from_type == uc.SecurableType.CATALOG
    manage = uc.PermissionsChange(principal="team", add=[uc.Privilege.MANAGE])
    refused(BadRequest, admin.grants.update, "catalog", "unity", changes=[manage])


url, token_file = sys.argv[1:]
owner = WorkspaceClient(host=url, token=Path(token_file).read_text())
principals(owner)
grants(owner, program(owner, url))
refused(Unauthenticated, WorkspaceClient(host=url, token="none").current_user.me)
