"""Data: sources of pictures and the engines that bring them to devices."""
