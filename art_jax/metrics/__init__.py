"""Numbers about pictures; every one names its protocol."""
