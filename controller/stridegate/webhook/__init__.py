"""The admission webhook: AdmissionReview in, AdmissionReview out, without I/O per review."""
