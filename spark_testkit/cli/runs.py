"""`spark-testkit token | submit | check | cancel`: runs of a stack's Runner, or of another."""

from __future__ import annotations

import os
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from spark_platform.dcp.problems import BadManifest
from spark_platform.kernel.errors import InvalidInput, Missing, Terminal
from spark_testkit.cli import manifests
from spark_testkit.cli.output import (
    Format,
    NameOption,
    OutputOption,
    people,
    print_json,
    print_table,
)
from spark_testkit.stack import Stack
from spark_testkit.tokens import issued, local_user

if TYPE_CHECKING:
    from spark_platform.runner.client import RunnerClient
    from spark_platform.runner.documents import RunDocument

__all__ = ["cancel", "check", "submit", "token"]

_HOUR_S = 3600
RunArgument = Annotated[str, typer.Argument(help="The run's id, as `submit` tells it.")]
DomainOption = Annotated[
    str, typer.Option("--domain", envvar="SPARK_DOMAIN", help="Whose run it is.")
]


def token(
    user: Annotated[str, typer.Option("--user", help="Who it is for.", show_default=False)],
    domain: Annotated[
        str, typer.Option("--domain", help="Whose work they do.", show_default=False)
    ],
    ttl: Annotated[int, typer.Option("--ttl", min=1, help="How long it is valid, seconds.")] = 8
    * _HOUR_S,
    credential: Annotated[
        bool,
        typer.Option("--credential", help="As kubectl asks a credential plugin for it."),
    ] = False,
    name: NameOption = "default",
    output: OutputOption = Format.TEXT,
) -> None:
    """Print a bearer token of the stack's issuer.

    Example: export SPARK_TOKEN="$(spark-testkit token --user ana --domain travel)"
    """
    text = issued(_exports(name), user, domain, ttl)
    if credential:
        ends = datetime.now(timezone.utc) + timedelta(seconds=ttl)
        status = {"token": text, "expirationTimestamp": f"{ends:%Y-%m-%dT%H:%M:%SZ}"}
        version = "client.authentication.k8s.io/v1"
        print_json({"apiVersion": version, "kind": "ExecCredential", "status": status})
        return
    if output is Format.JSON:
        print_json({"token": text, "user": user, "domain": domain, "expires_in": ttl})
        return
    print(text)  # noqa: T201


def submit(
    manifest: Annotated[Path, typer.Argument(help="A manifest.", show_default=False)],
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended; 1 if it failed.")
    ] = False,
    token: Annotated[
        str,
        typer.Option(
            "--token", help="Idempotency token: the same one is the same run. Random if none."
        ),
    ] = "",
    timeout: Annotated[
        float, typer.Option("--timeout", min=1, help="Seconds that `--wait` waits.")
    ] = 2 * _HOUR_S,
    name: NameOption = "default",
    output: OutputOption = Format.TEXT,
) -> None:
    """Run a manifest's job, once for each idempotency token.

    Example: spark-testkit submit --wait flights.yaml
    """
    from spark_platform.dcp.jobs import job_of

    try:
        read, _ = manifests.examined(manifest)
    except BadManifest as error:
        manifests.tell([(manifest, error.problems)], output)
        return
    job = job_of(read)
    with _runner(name, job.owner, job.domain) as runner:
        run = runner.submit(token or uuid.uuid4().hex, job)
        people.print(f"run [bold]{run.run_id}[/] is accepted: {escape(run.image)}")
        if wait:
            for now in runner.follow(run.run_id, timeout_s=timeout):
                people.print(f"  {_told(now)}")
                run = now
            people.print(_result(run))
    if output is Format.JSON:
        print_json(run.model_dump(mode="json"))
    elif not wait:
        print(run.run_id)  # noqa: T201
    if wait and run.state.value != "SUCCEEDED":
        raise typer.Exit(Terminal.exit_code)


def check(
    run_id: RunArgument,
    domain: DomainOption = "",
    history: Annotated[bool, typer.Option("--history", help="All that befell it.")] = False,
    name: NameOption = "default",
    output: OutputOption = Format.TEXT,
) -> None:
    """Show how it is with a run."""
    with _runner(name, local_user(), domain) as runner:
        run = runner.check(run_id)
        told = runner.history(run_id) if history else None
    if output is Format.JSON:
        document = run.model_dump(mode="json")
        if told is not None:
            document["history"] = told.model_dump(mode="json")
        print_json(document)
        return
    print(f"{run.run_id}  {_told(run)}")  # noqa: T201
    if told is None:
        return
    table = Table("WHEN", "ATTEMPT", "STATE", "WHY", box=None, pad_edge=False)
    for each in told.transitions:
        when = f"{each.at:%H:%M:%S}"
        table.add_row(when, str(each.attempt or ""), each.state.value, escape(each.reason))
    print_table(table)


def cancel(
    run_id: RunArgument,
    domain: DomainOption = "",
    reason: Annotated[str, typer.Option("--reason", help="Why.")] = "",
    name: NameOption = "default",
    output: OutputOption = Format.TEXT,
) -> None:
    """Have a run end soon; one that has ended stays as it ended."""
    with _runner(name, local_user(), domain) as runner:
        run = runner.cancel(run_id, reason)
    if output is Format.JSON:
        print_json(run.model_dump(mode="json"))
        return
    ends = "" if run.state.ended else ", and is being ended"
    people.print(f"{run.run_id} is {run.state.value}{ends}")


def _exports(name: str) -> dict[str, str]:
    """The variables of a stack; the shell's own where it names a Runner that is elsewhere."""
    if "SPARK_RUNNER_URL" in os.environ and name == "default":
        return dict(os.environ)
    return dict(Stack(name).env())


def _runner(name: str, user: str, domain: str) -> RunnerClient:
    from spark_platform.runner.client import RunnerClient

    exports = _exports(name)
    url = exports.get("SPARK_RUNNER_URL")
    if not url:
        raise Missing(f"stack {name!r} runs no Runner", hint="`spark-testkit up runner`")
    bearer = os.environ.get("SPARK_TOKEN")
    if not bearer:
        if not domain:
            raise InvalidInput(
                "nobody says whose run it is", hint="`--domain D`, SPARK_DOMAIN, or SPARK_TOKEN"
            )
        bearer = issued(exports, user, domain, _HOUR_S)
    return RunnerClient(url, bearer)


def _told(run: RunDocument) -> str:
    parts = [f"{run.state.value:<10}"]
    if run.attempts:
        newest = run.attempts[-1]
        parts.append(f"attempt {newest.number}")
        parts.extend(each for each in (newest.cluster, newest.application) if each)
    if run.reason:
        parts.append(escape(run.reason))
    return " · ".join(parts)


def _result(run: RunDocument) -> str:
    colour = "green" if run.state.value == "SUCCEEDED" else "red"
    took = (run.ended_at - run.created_at).total_seconds() if run.ended_at else 0.0
    logs = run.links.get("logs", "")
    where = f"; its log: {escape(logs)}" if logs else ""
    return f"[{colour}]{run.state.value}[/] after {took:.1f} s{where}"
