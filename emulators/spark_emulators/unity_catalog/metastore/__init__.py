"""Unity Catalog's own objects and the rules they are made, changed and dropped by."""
