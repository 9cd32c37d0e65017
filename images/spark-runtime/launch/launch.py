"""Start Spark Connect or the History Server in this container: one JVM, straight on the jars.

The image's entrypoint runs this file by its path. What to start is in launch.json, which the
toolkit writes when it builds the image, so that a container starts what a process would: see
spark_testkit/engine/launcher.py. Nothing but the standard library is here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

SPARK_HOME = Path("/opt/spark")
TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105 - a variable's name
ANONYMOUS = "SPARK_CONNECT_ANONYMOUS"

_QUOTED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_PAIR = re.compile(r"((?:\\.|[^\\=:\s])+)\s*(?:[=:]\s*)?(.*)", re.DOTALL)


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> NoReturn:
    """Become the JVM that the arguments ask for."""
    options = _parsed(arguments)
    facts = json.loads((SPARK_HOME / "launch" / "launch.json").read_text("utf-8"))
    conf = configuration(options, environ)
    if options.command == "connect":
        main_class = _connect_class(facts, environ)
        conf = {**_connect_defaults(conf), **facts["connect_conf"], **conf}
    else:
        main_class = facts["history"]
        conf = {"spark.history.fs.logDirectory": "file:///tmp/spark-events", **conf}
        if conf["spark.history.fs.logDirectory"] == "file:///tmp/spark-events":
            Path("/tmp/spark-events").mkdir(exist_ok=True)  # noqa: S108 - Spark's own default
    folder = Path(tempfile.mkdtemp(prefix="launch-"))
    file = folder / "java.args"
    lines = java_arguments(facts, options.command, main_class, conf, environ)
    file.touch(mode=0o600)  # configuration may hold secrets, and a command line is public
    file.write_text("".join(f'"{line.translate(_QUOTED)}"\n' for line in lines), "utf-8")
    java = str(Path(environ["JAVA_HOME"]) / "bin" / "java")
    child = dict(environ)
    if conf.get("spark.master", "local").startswith("local"):
        # else Spark asks the resolver for the container's name, which can take seconds
        child.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.execve(java, [java, f"@{file}"], child)  # noqa: S606 - no shell is wanted


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="entrypoint", allow_abbrev=False)
    parser.add_argument("command", choices=("connect", "history"))
    parser.add_argument("--conf", "-c", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--properties-file", type=Path)
    options = parser.parse_args(arguments)
    for pair in options.conf:
        key, equals, _ = pair.partition("=")
        if not equals or not key.startswith("spark."):
            parser.error(f"--conf wants spark.KEY=VALUE, not {key!r}")
    if options.properties_file and not options.properties_file.is_file():
        parser.error(f"--properties-file {options.properties_file} is not there")
    return options


def configuration(options: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, str]:
    """Spark's configuration: the platform's, the container's, then what the arguments say."""
    own = Path(environ.get("SPARK_CONF_DIR") or SPARK_HOME / "conf") / "spark-defaults.conf"
    conf: dict[str, str] = {}
    defaults = Path(
        environ.get("SPARK_PLATFORM_DEFAULTS") or "/opt/platform/conf/spark-defaults.conf"
    )
    for file in (defaults, options.properties_file or own):
        if file.is_file():
            read = properties(file.read_text("utf-8"))
            conf.update((key, value) for key, value in read.items() if key.startswith("spark."))
    conf.update(pair.split("=", 1) for pair in options.conf)
    return conf


def properties(text: str) -> dict[str, str]:
    """Read Java's properties format; a key's last value wins, as in Java."""
    found = {}
    for line in _logical_lines(text):
        if pair := _PAIR.fullmatch(line):
            found[_unescaped(pair[1])] = _unescaped(pair[2]).strip()
    return found


def _logical_lines(text: str) -> Iterator[str]:
    held = ""
    for raw in text.splitlines():
        line = raw.lstrip()
        if not held and (not line or line[0] in "#!"):
            continue
        held += line
        backslashes = len(held) - len(held.rstrip("\\"))
        if backslashes % 2:
            held = held[:-1]
            continue
        yield held
        held = ""
    if held:
        yield held


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(
        lambda match: chr(int(match[1], 16)) if match[1] else _LETTERS.get(match[2], match[2]), text
    )


def _connect_class(facts: Mapping[str, str], environ: Mapping[str, str]) -> str:
    if environ.get(TOKEN):
        return facts["connect"]
    if environ.get(ANONYMOUS, "").lower() in ("1", "true", "yes"):
        return facts["connect_without_token"]
    sys.exit(
        f"entrypoint: {TOKEN} is not set, so whoever reaches this server could run code on it\n"
        f"  hint: docker run -e {TOKEN}=… (or -e {ANONYMOUS}=true, if that is what you want)"
    )


def _connect_defaults(conf: Mapping[str, str]) -> dict[str, str]:
    defaults = {
        "spark.app.name": "spark-connect",
        "spark.master": "local[*]",
        # a container's own interface; what of it can be reached is up to who runs the container
        "spark.connect.grpc.binding.address": "0.0.0.0",  # noqa: S104
        "spark.connect.grpc.binding.port": "15002",
        "spark.ui.enabled": "false",
    }
    if conf.get("spark.master", "local").startswith("local"):
        defaults |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return defaults


def java_arguments(
    facts: Mapping[str, list[str]],
    command: str,
    main_class: str,
    conf: Mapping[str, str],
    environ: Mapping[str, str],
) -> list[str]:
    """Everything the JVM is told, main class last."""
    extra = [
        *shlex.split(conf.get("spark.driver.extraJavaOptions", "")),
        *shlex.split(environ.get("SPARK_LAUNCH_JAVA_OPTIONS", "")),
        *(shlex.split(environ.get("SPARK_HISTORY_OPTS", "")) if command == "history" else ()),
    ]
    own_collector = any(re.match(r"-XX:\+Use\w+GC$", option) for option in extra)
    options = [
        option for option in facts["java_options"] if not (own_collector and option.endswith("GC"))
    ]
    first = [path for path in conf.get("spark.driver.extraClassPath", "").split(":") if path]
    archive = SPARK_HOME / "launch" / "classes.jsa"
    # a class path that starts otherwise rules the archive out
    if (
        archive.is_file()
        and not first
        and not any("ArchiveClassesAtExit" in each for each in extra)
    ):
        options.append(f"-XX:SharedArchiveFile={archive}")
    log4j = Path(environ.get("SPARK_CONF_DIR") or SPARK_HOME / "conf") / "log4j2.properties"
    if not log4j.is_file():
        log4j = SPARK_HOME / "launch" / "log4j2.properties"
    return [
        *options,
        f"-Xmx{conf.get('spark.driver.memory', '1g')}",
        f"-Dlog4j2.configurationFile={log4j.as_uri()}",
        *(f"-D{key}={value}" for key, value in conf.items()),
        # where Spark 3.5's guarded server listens; others are told by their configuration
        f"-Dsparktestkit.address={conf.get('spark.connect.grpc.binding.address', '127.0.0.1')}",
        *extra,
        "-cp",
        ":".join([*first, *class_path(environ)]),
        main_class,
    ]


def class_path(environ: Mapping[str, str]) -> list[str]:
    """The jars in the archive's order, then those added since, then configuration."""
    lists = sorted((SPARK_HOME / "launch" / "classpath").iterdir())
    listed = [line for each in lists for line in each.read_text("utf-8").split()]
    added = sorted(str(jar) for jar in (SPARK_HOME / "jars").glob("*.jar"))
    later = [
        environ.get("SPARK_EXTRA_CLASSPATH", ""),
        environ.get("SPARK_DIST_CLASSPATH", ""),
        environ.get("SPARK_CONF_DIR") or str(SPARK_HOME / "conf"),
        environ.get("HADOOP_CONF_DIR", ""),
    ]
    return [*dict.fromkeys([*listed, *added]), *filter(None, later)]


if __name__ == "__main__":
    main(sys.argv[1:], os.environ)
