"""Detection: images read on request, what was read before, and images that look alike."""
