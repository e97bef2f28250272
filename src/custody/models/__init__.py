"""What the specifications write down: layouts with their steps and inspections, and links with their artifacts."""
