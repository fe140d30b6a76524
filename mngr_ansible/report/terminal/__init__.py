"""Pages as a terminal shows them, through ``rich``; imported only where a terminal is."""
