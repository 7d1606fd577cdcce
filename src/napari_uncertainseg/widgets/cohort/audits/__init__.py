"""What each tab of the Cohort dock is: its words, its inputs, and what it asks the room audit."""
