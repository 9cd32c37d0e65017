"""EMR's fixture as a suite meets it."""

import pytest
from stacks import folders_of

JOBS = """
    from spark_platform.kernel.wait import NotYet, poll

    ROLE = "arn:aws:iam::123456789012:role/jobs"

    def test_a_job_of_a_bucket(emr, s3_bucket):
        emr.s3.client.put_object(Bucket=s3_bucket, Key="job.py", Body=b"print(1 + 1)")
        made = emr.serverless.create_application(
            name="app", releaseLabel="emr-7.9.0", type="SPARK"
        )
        application = made["applicationId"]
        run = emr.serverless.start_job_run(
            applicationId=application,
            executionRoleArn=ROLE,
            jobDriver={"sparkSubmit": {"entryPoint": f"s3://{s3_bucket}/job.py"}},
        )["jobRunId"]

        def ended():
            found = emr.serverless.get_job_run(applicationId=application, jobRunId=run)["jobRun"]
            if found["state"] not in ("SUCCESS", "FAILED"):
                raise NotYet(found["state"])
            return found

        found = poll(ended, what="the job", timeout_s=120)
        assert found["state"] == "SUCCESS", found["stateDetails"]

    def test_the_same_emr_has_clusters(sparktk_emr, emr):
        assert sparktk_emr is emr
        assert emr.on_ec2.list_clusters()["Clusters"] == []
"""
REFUSED = """
    def test_in_containers(emr):
        pass
"""
REMOTE = """
    def test_address(emr):
        assert emr.endpoint == emr.serverless.meta.endpoint_url == "http://there:1"
        assert emr.on_ec2.meta.endpoint_url == "http://there:2"
        assert "a-secret" not in repr(emr)
"""


def test_jobs_run_on_the_runs_own_emr(suite, settings):
    suite(test_emr_jobs=JOBS).assert_outcomes(passed=2)
    assert folders_of(settings) == []


def test_a_remote_emr_is_the_environments(suite, settings):
    env = {
        "AWS_ENDPOINT_URL_EMR_SERVERLESS": "http://there:1",
        "AWS_ENDPOINT_URL_EMR": "http://there:2",
        "AWS_ENDPOINT_URL_S3": "http://there:3",
        "AWS_ACCESS_KEY_ID": "a-key",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
        "AWS_REGION": "us-east-1",
    }
    result = suite("--sparktk-provider=remote", env=env, test_remote_emr=REMOTE)
    result.assert_outcomes(passed=1)


@pytest.mark.usefixtures("containers")
def test_containers_are_refused(suite, settings):
    result = suite("--sparktk-provider=docker", test_emr_refused=REFUSED)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*emr cannot be a container*"])
    assert folders_of(settings) == []
