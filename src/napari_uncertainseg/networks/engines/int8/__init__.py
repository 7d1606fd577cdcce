"""Networks in whole numbers of 8 bits, for who asks for them."""
