"""Folders of results and HTML pages."""
