"""Operations: pages for those who run the archive."""
