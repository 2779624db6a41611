"""From the log to the profiles: the log protocol, the guarded loop, the profile worker, timers."""
