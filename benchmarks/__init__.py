"""What measures speed, run by hand: ``make bench``. Each module has a ``run()`` that returns a table."""
