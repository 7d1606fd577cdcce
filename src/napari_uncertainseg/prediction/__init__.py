"""What a network says about one scan: its voxel maps and its members."""
