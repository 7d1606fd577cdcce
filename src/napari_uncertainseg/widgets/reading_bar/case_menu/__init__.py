"""The case: its name first in the bar, its menu, and what helps to begin one."""
