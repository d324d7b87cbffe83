"""What commands print: tables, differences and plots, made of what the packages below work out.
Imported by commands alone."""
