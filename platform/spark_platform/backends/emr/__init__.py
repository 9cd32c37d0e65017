"""EMR Serverless: where jobs go when no cluster takes them."""
