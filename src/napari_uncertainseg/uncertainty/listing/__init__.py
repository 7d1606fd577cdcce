"""How lesions are listed: their order, and what stands in it after painting."""
