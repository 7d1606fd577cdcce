"""The measures of the sheet: what each is, which way is good, and what is wrong with the published one."""
