"""Controllers that the API's own semantics need. They work on the domain, not over HTTP."""
