"""The page: what harpi sees and learns, in a browser, and buttons to teach it.

Needs the extra `web`; nothing here is imported where `web.enabled` is false.
"""
