"""Connections, and what a process holds in memory to make unchanged polls cheap."""
