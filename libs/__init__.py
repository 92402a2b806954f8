"""Small tools named for what they do; no service logic lives here."""
