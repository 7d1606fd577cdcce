"""Commands about single lesions."""
