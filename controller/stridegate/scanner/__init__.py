"""The node scanner: what a rule asks is read on the host, judged, and reported."""
