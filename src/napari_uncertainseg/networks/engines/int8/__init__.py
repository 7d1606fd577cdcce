"""Networks in whole numbers of 8 bits, for processors without bf16."""
