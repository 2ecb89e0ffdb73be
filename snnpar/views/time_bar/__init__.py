"""The time bar: answers, maps and energy at every t."""
