"""What the crash test is made of; crash.py runs it."""
