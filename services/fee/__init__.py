"""Fee: assesses by published standard, demands, records payment; holds the books of the treasury account."""
