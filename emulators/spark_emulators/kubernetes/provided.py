"""Objects that a cluster is to have from its start, out of a file."""

from __future__ import annotations

from pathlib import Path

import yaml

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError
from spark_platform.kernel.errors import InvalidInput

__all__ = ["provide"]


def provide(cluster: Cluster, file: Path) -> None:
    """Make the objects of a file that the cluster has not yet, in their order.

    Args:
        file: YAML, of any number of documents.

    Raises:
        InvalidInput: the file cannot be read, or the API refuses one of them.
    """
    try:
        documents = [each for each in yaml.safe_load_all(file.read_bytes()) if each is not None]
    except OSError as error:
        raise InvalidInput(f"cannot read {file}: {error.strerror}") from error
    except yaml.YAMLError:
        # its words quote the file, which may hold secrets
        raise InvalidInput(f"{file} is no YAML") from None
    for number, value in enumerate(documents, 1):
        try:
            cluster.ensure(value)
        except ApiError as error:
            raise InvalidInput(f"{file}: object {number}: {error.message}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(
                f"{file}: object {number} has no apiVersion, kind or metadata.name"
            ) from error
