"""The web page in real browsers: what Tests/conformance/page.py runs."""
