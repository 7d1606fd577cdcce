"""What a run says of all its visits: the page, the referral list and the tables."""
