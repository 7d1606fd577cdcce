"""What the reader does on outlined lesions: a click, a stroke of the brush, a threshold that is dragged."""
