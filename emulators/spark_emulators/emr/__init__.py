"""Amazon EMR, Serverless and on EC2: jobs are submitted as to AWS, and really run.

Started as ``python -m spark_emulators.emr --config FILE``, or in process through
``spark_emulators.emr.wire.app.create_app``. Applications and clusters are moto's; job runs and
steps are ours, each a ``spark-submit`` of its own on this machine. Everything outside ``wire`` and
``server`` knows no HTTP.

It refuses rather than guesses: Hive jobs, sessions, and steps that are no ``spark-submit``.
"""
