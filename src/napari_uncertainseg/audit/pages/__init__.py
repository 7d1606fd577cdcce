"""What the pages of all audits share: marks of charts, parts of a page, the folder they are written into."""
