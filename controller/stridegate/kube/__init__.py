"""Between the API server and the model: our custom resources, and the one place that talks to the API server."""
