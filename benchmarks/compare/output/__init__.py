"""What is written: summaries, tables, charts and the page of the documentation."""
