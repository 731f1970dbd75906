"""The exercises of the course, a module for every lab; each registers its own when it is imported."""
