"""What this machine is and does: host, memory."""
