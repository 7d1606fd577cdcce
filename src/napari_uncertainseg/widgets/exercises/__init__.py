"""The Exercises dock: exercises for people who learn to read scans."""
