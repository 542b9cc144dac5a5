"""The operators: thin shells that parse arguments, read the Connection, and hand over to the `refresh` room."""
