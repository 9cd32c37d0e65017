"""The open-source server's own Python client where everybody needs a token: grants.

Run with the catalog's host and the file of its admin's token.
"""

import asyncio
import sys
from pathlib import Path

from unitycatalog.client import (
    ApiClient,
    CatalogsApi,
    Configuration,
    GrantsApi,
    PermissionsChange,
    Privilege,
    SecurableType,
    UpdatePermissions,
)
from unitycatalog.client.exceptions import ApiException


async def refused(call, status: int, code: str) -> None:
    refusal = None
    try:
        await call
    except ApiException as error:
        refusal = error
    assert refusal is not None, code
    assert (refusal.status, code in refusal.body) == (status, True), refusal


async def main(url: str, token_file: str) -> None:
    configuration = Configuration(host=f"{url}/api/2.1/unity-catalog")
    async with ApiClient(configuration) as client:
        await refused(CatalogsApi(client).get_catalog("unity"), 401, "UNAUTHENTICATED")
        token = Path(token_file).read_text()
        client.set_default_header("Authorization", f"Bearer {token}")
        grants = GrantsApi(client)
        add = PermissionsChange(principal="admin", add=[Privilege.USE_CATALOG], remove=[])
        update = UpdatePermissions(changes=[add])
        told = await grants.update(SecurableType.CATALOG, "unity", update)
        # its models refuse the other vendor's spelling
        assert told.privilege_assignments[0].privileges == [Privilege.USE_CATALOG]
        assert await grants.get(SecurableType.CATALOG, "unity", principal="admin") == told
        await refused(grants.get(SecurableType.CATALOG, "none"), 404, "CATALOG_NOT_FOUND")
        nobody = UpdatePermissions(changes=[PermissionsChange(principal="x", add=[], remove=[])])
        await refused(grants.update(SecurableType.CATALOG, "unity", nobody), 404, "NOT_FOUND")


asyncio.run(main(*sys.argv[1:]))
