"""One module for each data set that `udapose convert` knows."""
