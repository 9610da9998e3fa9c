"""What the system does: functions that know the rules, and nothing of HTTP."""
