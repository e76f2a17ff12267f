"""The studio: watch, sample, translate and compare runs in a browser.

The server reads run folders and writes to none of them. It is a process of its
own, apart from all trainers, and what needs a model is done by one worker
process. Pages are static; what they show comes as JSON, pictures and events.
"""
