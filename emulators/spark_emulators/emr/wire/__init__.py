"""HTTP in and out: AWS's two JSON protocols, and moto's server for what is not ours."""
