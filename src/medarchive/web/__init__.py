"""The web face: accounts, pages and DICOMweb over one Archive, on Django."""
