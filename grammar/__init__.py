"""The grammar of scalec specs. This file makes the folder importable, so that an editable install finds it."""
