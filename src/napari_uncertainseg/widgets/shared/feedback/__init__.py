"""Why a verdict was hard and how sure the reader is: a small row of buttons, all of them optional."""
