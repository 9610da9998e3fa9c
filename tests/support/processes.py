"""Ending the programs that tests start."""

import subprocess


def end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Ask the process to end, and kill it where it has not done so after ``seconds``."""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
