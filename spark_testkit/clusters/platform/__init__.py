"""The platform's servers as pods of a cluster: S3, catalog, token issuer, Gateway and Runner.

``objects`` and ``servers`` say what is to be there, ``installing`` has it there.
"""
