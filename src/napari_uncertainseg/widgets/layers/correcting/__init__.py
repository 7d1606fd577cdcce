"""Tools at the pointer: what they would take, drawn before it is taken, and the mouse in their hand."""
