"""Exercises for annotators: questions with known answers, and their scores."""
