"""Front: what stands before Django on the wire: limits, headers, static files, bodies that are never spooled whole."""
