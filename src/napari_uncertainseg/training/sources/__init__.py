"""Patients to train on, from files of any kind, prepared as a user's scans are."""
