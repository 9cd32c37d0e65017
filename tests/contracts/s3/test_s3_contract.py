"""What every S3 server we run must do; written once, run against each."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from spark_testkit.services import s3


@pytest.fixture
def bucket(client, request):
    name = f"b-{abs(hash(request.node.name)):x}"
    client.create_bucket(Bucket=name)
    yield name
    for each in client.list_objects_v2(Bucket=name).get("Contents", []):
        client.delete_object(Bucket=name, Key=each["Key"])
    client.delete_bucket(Bucket=name)


def refused(call, **arguments) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return caught.value.response["Error"]["Code"]


def test_what_was_put_is_got(client, bucket):
    client.put_object(Bucket=bucket, Key="a/b c+ü.txt", Body=b"x" * 100_000)
    assert client.get_object(Bucket=bucket, Key="a/b c+ü.txt")["Body"].read() == b"x" * 100_000


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA256"])
def test_a_checksum_in_the_trailer_is_kept_and_the_body_is_stored_decoded(
    client, bucket, algorithm
):
    # a stream of unknown checksum goes out as aws-chunked with a trailer
    body = b"0123456789" * 50_000
    client.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    answer = client.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert answer["Body"].read() == body
    assert answer["ContentLength"] == len(body)


def test_if_none_match_lets_only_the_first_put_through(client, bucket):
    client.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    code = refused(client.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")
    assert code == "PreconditionFailed"
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_if_match_refuses_a_stale_writer(client, bucket):
    first = client.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    client.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=first)
    code = refused(client.put_object, Bucket=bucket, Key="k", Body=b"3", IfMatch=first)
    assert code == "PreconditionFailed"


def multipart(client, bucket, body, **arguments):
    upload = client.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=body)
    return client.complete_multipart_upload(
        Bucket=bucket,
        Key="k",
        UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
        **arguments,
    )


def test_if_none_match_holds_for_multipart_uploads_too(client, bucket):
    multipart(client, bucket, b"1", IfNoneMatch="*")
    code = refused(multipart, client=client, bucket=bucket, body=b"2", IfNoneMatch="*")
    assert code == "PreconditionFailed"


def test_of_many_who_create_one_key_at_once_one_wins(exports, bucket):
    codes: list[str] = []

    def create(number: int) -> bool:
        client = s3.client(exports)
        try:
            client.put_object(Bucket=bucket, Key="k", Body=b"%d" % number, IfNoneMatch="*")
            return True
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])
            return False
        finally:
            client.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1
    assert set(codes) <= {"PreconditionFailed", "ConditionalRequestConflict"}


def test_a_list_shows_what_was_just_written_and_deleted(client, bucket):
    for number in range(12):
        client.put_object(Bucket=bucket, Key=f"p/{number:02}", Body=b"")
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="p/", PaginationConfig={"PageSize": 5}
    )
    keys = [each["Key"] for page in pages for each in page["Contents"]]
    assert keys == [f"p/{number:02}" for number in range(12)]
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_a_missing_bucket_is_refused_and_not_made(client):
    assert refused(client.put_object, Bucket="nobody-made-me", Key="k", Body=b"") == "NoSuchBucket"
    assert refused(client.list_objects_v2, Bucket="nobody-made-me") == "NoSuchBucket"


def test_a_missing_key_is_refused(client, bucket):
    assert refused(client.get_object, Bucket=bucket, Key="nothing") == "NoSuchKey"


@pytest.mark.parametrize(
    ("variable", "codes"),
    [
        ("AWS_SECRET_ACCESS_KEY", {"SignatureDoesNotMatch"}),
        ("AWS_ACCESS_KEY_ID", {"InvalidAccessKeyId", "AccessDenied"}),
    ],
)
def test_wrong_credentials_are_refused(exports, variable, codes):
    client = s3.client({**exports, variable: "wrong-but-long-enough"})
    assert refused(client.list_buckets) in codes
    client.close()


def test_a_request_without_credentials_is_refused(exports):
    from urllib.error import HTTPError
    from urllib.request import urlopen

    with pytest.raises(HTTPError) as caught:
        urlopen(f"{exports['AWS_ENDPOINT_URL_S3']}/unity")
    caught.value.close()
    assert caught.value.code == 403
