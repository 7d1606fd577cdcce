"""The selected lesion in the viewer: its own outline, and how it is framed."""
