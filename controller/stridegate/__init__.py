"""Kubernetes hardening that answers a STRIDE threat model."""

__version__ = "0.1.0"
