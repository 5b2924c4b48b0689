"""Pure metrics: from raw samples and files' contents to measurements."""
