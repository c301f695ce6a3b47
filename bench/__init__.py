"""What the webhook costs, measured beside what it is compared with, in one run: see README.md."""
