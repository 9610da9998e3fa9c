"""What a process holds in memory, so that a poll that finds nothing new costs next to nothing."""
