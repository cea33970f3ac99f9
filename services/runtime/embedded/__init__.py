"""The embedded stack: every real part as a child process on loopback, in one data folder."""
