"""A public toolkit for tests of applications that use vibecore, and of vibecore itself."""
