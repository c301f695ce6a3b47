"""The operator: certificates, arming, policy status. Its handlers are thin; what they decide is decided by pure functions."""
