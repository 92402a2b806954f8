"""The applicants' window: receives, tells once, accepts, sends out, gathers, hands over; forms no opinion
itself."""
