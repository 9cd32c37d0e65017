"""The Runner over gRPC: ``runner.proto`` is published, ``runner_pb2.py`` made of it."""
