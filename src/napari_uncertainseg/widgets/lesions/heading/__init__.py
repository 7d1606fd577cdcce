"""What stands above the list of lesions."""
