"""What the greeting has to say."""

import unittest

from greeting import greet


class GreetingTest(unittest.TestCase):
    """The greeting names whom it greets."""

    def test_names_whom_it_greets(self) -> None:
        """Somebody is greeted by name."""
        self.assertEqual(greet("Ada"), "Hello, Ada!")


if __name__ == "__main__":
    unittest.main()
