"""Models of nnU-Net v2, as its training leaves them: a folder with plans, dataset and folds."""
