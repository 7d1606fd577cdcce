"""What a reader has around the images: a bar of tools at the top of the window, and its parts."""
