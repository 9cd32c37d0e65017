"""Small manifests, and changes to them."""

PYTHON = """\
apiVersion: dcp.pedregal/v1
kind: CoreETLJob
metadata:
  name: flights
  domain: travel
  owner: travel-data@example.com
spec:
  engine: {version: "4.1"}
  application:
    language: python
    main: flights/job.py
"""
SCALA = PYTHON.replace("language: python", "language: scala").replace(
    "main: flights/job.py", "main: flights.jar\n    mainClass: com.example.Flights"
)
STREAM = PYTHON.replace("CoreETLJob", "ContinuousJob")


def but(*changes, of=PYTHON):
    """A manifest with parts replaced."""
    for old, new in changes:
        assert old in of, old
        of = of.replace(old, new)
    return of


def also(*lines, of=PYTHON):
    """A manifest that says more in its spec."""
    return of + "".join(f"  {line}\n" for line in lines)


def resources(text):
    return also(f"resources: {text}")


def conf(*lines):
    return also("sparkConf:", *(f"  {line}" for line in lines))
