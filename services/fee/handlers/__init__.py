"""The deeds of fee: keep what was published, assess when the moment comes, record the one payment, take back.

Each deed notes what it heard on the case and then does what is due by the whole of what is known, so the
order in which events arrive does not change what is owed.
"""
