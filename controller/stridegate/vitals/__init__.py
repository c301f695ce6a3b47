"""The vital signs of a process, whichever it is: where it listens, how late its event loop is, and the port that tells of both."""
