"""HTTP in and out: paths, bodies, negotiation, streams. Everything else is the domain's."""
