"""What doubt goes with over many patients: fits, how well they tell doubt, and their shares."""
