"""What people and programs read: verdicts as text and JSON, layouts as trees."""
