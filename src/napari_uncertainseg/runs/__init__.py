"""Many visits, one after the other and side by side: segmented, compared, and reported on."""
