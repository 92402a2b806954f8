"""What Prometheus is told: whom to ask, what to compute, when to call somebody."""
