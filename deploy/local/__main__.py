"""`python3 deploy/local COMMAND`: a real local Kubernetes on this machine."""

import sys

from localkube.command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
