"""The commands of `lianshen`, one module a subject. Each has `register(app)`."""
