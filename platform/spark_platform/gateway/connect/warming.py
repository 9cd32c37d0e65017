"""A driver's first query, asked before anybody waits for it.

Class loading, the compiler and the first executor cost seconds, once. The messages are encoded by
hand (``spark/connect/base.proto``, ``relations.proto``): the platform has no part of Spark.
"""

from __future__ import annotations

import uuid

from spark_platform.gateway.connect.channels import OPTIONS, headers
from spark_platform.gateway.connect.methods import EXECUTE, RELEASE_SESSION
from spark_platform.gateway.connect.records import Place
from spark_platform.gateway.connect.wire import SESSION, encoded, with_user
from spark_platform.kernel.errors import Transient

__all__ = ["warm_up"]

_USER = "spark-gateway"
_QUERY = "SELECT id % 2 AS side, count(*) AS rows FROM range(1000) GROUP BY id % 2"
_WITHIN_S = 120
_PLAN, _ROOT, _SQL, _SQL_QUERY = 3, 1, 10, 1


def warm_up(place: Place, token: str) -> None:
    """Have a driver answer a query with an aggregate, to its end.

    Raises:
        Transient: it does not.
    """
    import grpc

    session = encoded(SESSION, str(uuid.uuid4()).encode())
    relation = encoded(_SQL, encoded(_SQL_QUERY, _QUERY.encode()))
    request = with_user(session + encoded(_PLAN, encoded(_ROOT, relation)), _USER)
    try:
        with grpc.insecure_channel(place.address, OPTIONS) as channel:
            execute = channel.unary_stream(EXECUTE.path)
            for _ in execute(request, metadata=headers(token), timeout=_WITHIN_S):
                pass
            channel.unary_unary(RELEASE_SESSION.path)(
                with_user(session, _USER), metadata=headers(token), timeout=_WITHIN_S
            )
    except grpc.RpcError as error:
        told = f"{error.code().name}: {error.details()}"
        raise Transient(f"{place.application} does not answer: {told}") from error
