"""How to start one of Spark's main classes without Spark's shell scripts.

``spark-submit`` starts two JVMs and a shell, and its class path has folders and wildcards, which
rule out a CDS archive. Here one JVM starts, on jars alone. Everything it is told goes through
files only the owner may read: ``/proc/<pid>/cmdline`` shows ``java @<file>`` and no more.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import EngineSpec
from spark_testkit.engine.model import Engine

__all__ = [
    "CONNECT_SERVER",
    "HISTORY_SERVER",
    "JVM_OPTIONS",
    "LOG4J",
    "QUICK_OPTIONS",
    "START_OPTIONS",
    "Launch",
    "check_conf_key",
    "environment_of",
    "launch",
    "main_class_of",
    "quoted",
]

CONNECT_SERVER = "org.apache.spark.sql.connect.service.SparkConnectServer"
HISTORY_SERVER = "org.apache.spark.deploy.history.HistoryServer"

# What org.apache.spark.launcher.JavaModuleOptions gives, for all engines, but for
# --add-modules=jdk.incubator.vector: it rules out the JDK's own archived module graph
_OPENED = (
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.io",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/jdk.internal.ref",
    "java.base/sun.nio.ch",
    "java.base/sun.nio.cs",
    "java.base/sun.security.action",
    "java.base/sun.util.calendar",
    "java.security.jgss/sun.security.krb5",
)
_SPARK_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENED),
    "--enable-native-access=ALL-UNNAMED",
    "-Djdk.reflect.useDirectMethodHandle=false",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dio.netty.allocator.type=pooled",
    "-Dio.netty.handler.ssl.defaultEndpointVerificationAlgorithm=NONE",
    "-Dderby.connection.requireAuthentication=false",
)
# a small JVM on a shared laptop: quick to warm up, no collector threads
QUICK_OPTIONS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
START_OPTIONS = (*QUICK_OPTIONS, "-Xshare:auto")
JVM_OPTIONS = (*_SPARK_OPTIONS, *START_OPTIONS)

LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX} %p %c{1}: %m%n%ex
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.connect.name = org.apache.spark.sql.connect.service.SparkConnectServer
logger.connect.level = info
logger.history.name = org.apache.spark.deploy.history.HistoryServer
logger.history.level = info
"""

# Connect's main class where Spark's own listens on every interface and asks for no token
_GUARDED_CONNECT_SERVER = "sparktestkit.TestkitConnectServer"

_QUOTED = str.maketrans(
    {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f"}
)


@dataclass(frozen=True)
class Launch:
    """A JVM, ready to start.

    Attributes:
        argv: the command; holds nothing worth hiding.
        environment: variables to set on top of those the child inherits.
        files: what ``write_files`` writes first, by path.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[Path, str]

    def write_files(self) -> None:
        """Write the files the command refers to, each for its owner alone (mode 0600)."""
        for path, content in self.files.items():
            write_atomically(path, content)


def quoted(argument: str) -> str:
    """One argument as Java's ``@argfile`` syntax wants it, whatever is in it.

    Raises:
        InvalidInput: it holds a NUL character, which no argument can.
    """
    if "\0" in argument:
        raise InvalidInput(f"an argument must not hold a NUL character: {argument!r}")
    return f'"{argument.translate(_QUOTED)}"'


def main_class_of(spec: EngineSpec, main_class: str) -> str:
    """The class that starts when ``main_class`` is asked for: guarded where Spark needs it."""
    guarded = main_class == CONNECT_SERVER and spec.guard_compiler
    return _GUARDED_CONNECT_SERVER if guarded else main_class


def launch(
    engine: Engine,
    main_class: str,
    *,
    conf: Mapping[str, str],
    heap_mib: int,
    folder: Path,
    jvm_options: Sequence[str] = (),
) -> Launch:
    """Say how to start a main class of Spark.

    Args:
        main_class: ``CONNECT_SERVER``, ``HISTORY_SERVER`` or another class on the class path. An
            engine with a guard starts the guarded server in place of the first.
        conf: Spark's configuration; wins over the defaults: all cores of this machine, no web
            UI, a warehouse in ``folder``.
        heap_mib: the JVM's largest heap, MiB.
        folder: the process's own folder, for the files and as its working directory.
        jvm_options: further options, after all others.

    Raises:
        InvalidInput: a key of ``conf`` is not Spark's, so Spark would ignore it.
    """
    argument_file = folder / "java.args"
    log4j_file = folder / "log4j2.properties"
    arguments = [
        *JVM_OPTIONS,
        f"-Xmx{heap_mib}m",
        *([f"-XX:SharedArchiveFile={engine.cds_archive}"] if engine.cds_archive else []),
        f"-Dlog4j2.configurationFile={log4j_file.as_uri()}",
        *(f"-D{key}={value}" for key, value in _complete(conf, main_class, folder).items()),
        *jvm_options,
        "-cp",
        os.pathsep.join(map(str, engine.jars)),
        main_class_of(engine.spec, main_class),
    ]
    return Launch(
        argv=(str(engine.java.binary), f"@{argument_file}"),
        environment=environment_of(engine),
        files={
            argument_file: "".join(f"{quoted(argument)}\n" for argument in arguments),
            log4j_file: LOG4J,
        },
    )


def check_conf_key(key: str) -> None:
    """Refuse a key that Spark would ignore.

    Raises:
        InvalidInput: it is not Spark's.
    """
    if not key.startswith("spark.") or not key.isascii() or set(key) & set("= \t\r\n\\"):
        raise InvalidInput(
            f"Spark configuration key {key!r} must start with `spark.` and hold no `=` or space",
            hint="Hadoop's keys take the prefix `spark.hadoop.`",
        )


def _complete(conf: Mapping[str, str], main_class: str, folder: Path) -> dict[str, str]:
    for key in conf:
        check_conf_key(key)
    return {
        "spark.app.name": main_class.rpartition(".")[2],
        "spark.master": "local[*]",
        "spark.sql.warehouse.dir": (folder / "warehouse").as_uri(),
        "spark.ui.enabled": "false",
        **conf,
    }


def environment_of(engine: Engine) -> dict[str, str]:
    """The variables a process of Spark needs, on top of those it inherits."""
    environment = {
        "JAVA_HOME": str(engine.java.home),
        # file names and configuration values are UTF-8 whatever the caller's locale is
        "LC_ALL": "C.UTF-8",
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_HOME": str(engine.spark_home),
        # without it Spark asks the resolver for this machine's name, which can take seconds
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    if engine.python_path:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, engine.python_path))
    return environment
