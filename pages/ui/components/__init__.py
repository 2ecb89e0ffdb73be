"""The interactive views in JavaScript, each with the data it is given and what it says back."""
