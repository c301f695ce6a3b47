"""The webhook's verdicts without a webhook: manifests become the requests that the API server would send, and are judged by the same functions."""
